import { createHash, randomFillSync } from 'node:crypto';
import { ServiceError } from '../contract/errors.ts';
import type { AcceptedJob } from '../contract/job.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Principal } from '../contract/principal.ts';
import { InputError } from '../core/problem.ts';
import { canonicalJson } from '../files/canonical-json.ts';
import type { Producer } from '../queue/producer.ts';
import type { Admission, IdempotencyKey, JobJournal, NewJob, Priority } from '../store/job-journal.ts';
import { makeJobId, RANDOM_BYTES } from './job-id.ts';
import { reaching } from './reaching.ts';
import type { Work } from './work.ts';

/**
 * The last step of a submit: a place in line within the bounds, first in the journal, then in the queue. Two trips to Redis. Between
 * them a gateway can die; then the journal knows a job that the queue does not, and `caretaker.ts` queues it.
 */
export interface Admissions {
  admit(caller: Principal, asked: AskedJob): Promise<Admitted>;
  /** What the caller's idempotency key has been answered before; undefined where it is new. Throws `idempotency_conflict`. */
  replay(caller: Principal, key: IdempotencyKey): Promise<Admitted | undefined>;
}

export interface AskedJob {
  readonly job: AcceptedJob;
  readonly work: Work;
  readonly priority: Priority;
  readonly deadlineMs: number | undefined;
  readonly idempotency: IdempotencyKey | undefined;
}

export interface Admitted {
  readonly id: string;
  /** Jobs that waited before it when it was accepted. */
  readonly queuePosition: number;
  /** True where an earlier request under the same idempotency key made the job. */
  readonly isReplay: boolean;
}

export interface AdmissionParts {
  readonly journal: JobJournal;
  readonly producer: Producer;
  readonly bounds: NewJob['bounds'];
  readonly now: () => number;
}

export function createAdmissions({ journal, producer, bounds, now }: AdmissionParts): Admissions {
  const randomness = poolOfRandomness();
  return {
    async admit({ owner }, { job, work, priority, deadlineMs, idempotency }) {
      const id = makeJobId(now(), randomness.next());
      const { amount, kind } = work;
      const asked = { owner, job, priority, deadlineMs, work: amount, kind, idempotency, bounds };
      const admission = await reaching('Redis', () => journal.admit(id, asked));
      if (admission.answer === 'accepted') {
        try {
          await reaching('Redis', () => producer.add(job.request.model, id, admission.place));
        } catch (error) {
          // Under a key the job stays: its client asks again, may have been answered already, and the caretaker queues it. Without
          // one nobody will ever know its id. If Redis has queued it all the same, its worker finds no record and does nothing.
          if (idempotency === undefined) await journal.withdraw(id).catch(() => {});
          throw error;
        }
      }
      return admitted(admission, bounds);
    },
    async replay(caller, key) {
      const known = await reaching('Redis', () => journal.findByKey(caller, key));
      return known === undefined ? undefined : admitted(known, bounds);
    },
  };
}

const POOLED_IDS = 256;

/** Asking the system for a few bytes at every request costs more than the rest of an id. */
function poolOfRandomness(): { next(): Uint8Array } {
  const pool = new Uint8Array(POOLED_IDS * RANDOM_BYTES);
  let used = pool.length;
  return {
    next() {
      if (used === pool.length) {
        randomFillSync(pool);
        used = 0;
      }
      used += RANDOM_BYTES;
      return pool.subarray(used - RANDOM_BYTES, used);
    },
  };
}

/** Throws an InputError for what cannot be a key. */
export function idempotencyOf(key: string, body: unknown): IdempotencyKey {
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > LIMITS.idempotencyKeyCharacters) {
    const allowed = `1 to ${LIMITS.idempotencyKeyCharacters} visible ASCII characters`;
    const message = `Idempotency-Key is ${JSON.stringify(key.slice(0, 40))}; must be ${allowed}`;
    throw new InputError([{ code: 'invalid_request', subject: 'Idempotency-Key', message }]);
  }
  return { keySha256: sha256(key), fingerprint: sha256(canonicalJson(body) ?? '') };
}

const CONFLICT = 'the Idempotency-Key came before with another request; use a new key for each new request';

function admitted(admission: Admission, bounds: NewJob['bounds']): Admitted {
  switch (admission.answer) {
    case 'accepted':
    case 'replayed':
      return {
        id: admission.id,
        queuePosition: admission.position,
        isReplay: admission.answer === 'replayed',
      };
    case 'file gone': {
      const message = `the LoRA of sha256 ${admission.sha256} has just been deleted`;
      throw new InputError([{ code: 'lora_not_found', subject: 'loras', message }]);
    }
    case 'conflict':
      throw new ServiceError('idempotency_conflict', CONFLICT);
    case 'queue full':
      throw new ServiceError('queue_full', `${bounds.waiting} generations wait already`);
    case 'too many': {
      const message = `${bounds.outstanding} generations of yours have not ended yet; wait for one of them, or cancel it`;
      throw new ServiceError('too_many_jobs', message);
    }
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
