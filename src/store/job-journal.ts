import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type ProblemDetails, problemDetails, ServiceError } from '../contract/errors.ts';
import { type LoraInUse, type NamedReceipt, namedReceipt } from '../contract/generation-result.ts';
import { type AcceptedJob, type Generation, isFinished, type JobOutcome, type JobStatus } from '../contract/job.ts';
import type { JournalEvent } from '../contract/job-event.ts';
import { LIMITS } from '../contract/limits.ts';
import type { Principal } from '../contract/principal.ts';
import {
  CANCEL_CHANNEL,
  DEADLINES_KEY,
  eventsKey,
  idempotencyKey,
  KEY_PREFIX,
  queueName,
  recordKey,
  UNENDED_KEY,
} from '../contract/redis-keys.ts';
import { estimateMs, type Pace } from './estimate.ts';
import {
  ABANDON,
  ADMIT,
  CANCEL,
  CLAIM,
  COMPARE,
  COUNT_CRASH,
  END_OVERDUE,
  FINISH,
  PUBLISH,
  READ,
  RELEASE,
  WITHDRAW,
} from './journal-scripts.ts';
import { createReceiptTexts } from './receipt-texts.ts';

/**
 * The journal of jobs: for each job one record (what it is, where it stands, what came of it) and one stream of events, which
 * change together. Gateways create, read and cancel; workers claim, publish and finish. BullMQ's queue only says whose turn it is:
 * the truth about a job is here.
 */
export interface JobJournal {
  /** Creates a job within the bounds, or finds the one that the same idempotency key has created. */
  admit(id: string, job: NewJob): Promise<Admission>;
  /** Undoes `admit` for a job that could not be queued. */
  withdraw(id: string): Promise<void>;
  /** Undefined where there is none, or it is not the caller's. Throws `expired`, for as long again as its result lived. */
  read(caller: Principal, id: string): Promise<Generation | undefined>;
  /** What an idempotency key of the caller has created. */
  findByKey(caller: Principal, key: IdempotencyKey): Promise<Admission | undefined>;
  /** `unknown` also where it is not the caller's. */
  cancel(caller: Principal, id: string): Promise<'unknown' | 'finished' | 'cancelled' | 'cancelling'>;

  /** Starts a new attempt, which fences off every earlier one. Undefined if there is nothing left to do for this job. */
  claim(id: string, device: string): Promise<Claim | undefined>;
  publish(claim: Claim, event: JournalEvent): Promise<'published' | 'cancel' | 'fenced'>;
  /** Ends the job, once: false if another attempt owns it or it has ended. */
  finish(claim: Claim, end: JobEnd): Promise<boolean>;
  /** Ends a job with an error, whoever owns it. */
  abandon(id: string, error: ProblemDetails): Promise<boolean>;
  /** How often an engine has died under this job; 0 if fenced. */
  countCrash(claim: Claim): Promise<number>;
  /** Gives the job back: it waits again. */
  release(claim: Claim): Promise<void>;

  /** Ends waiting jobs whose deadline has passed, `most` at once. */
  endOverdue(most: number): Promise<readonly EndedJob[]>;
  /** Jobs, `count` of those that have not ended, on which journal and queue disagree and have for longer than `graceMs`. */
  compareWithQueue(from: number, count: number, graceMs: number): Promise<readonly Disagreement[]>;
  countUnended(): Promise<number>;
}

export interface EndedJob {
  readonly id: string;
  readonly model: string;
}

export interface Disagreement {
  readonly id: string;
  readonly model: string;
  readonly place: number;
  /** `forgotten`: nobody will ever run it. `given up`: the queue has failed it, and nobody has said so here. */
  readonly what: 'forgotten' | 'given up';
}

export type Priority = 'high' | 'normal' | 'low';

export interface NewJob {
  /** Whose it is, for as long as it exists. */
  readonly owner: string;
  readonly job: AcceptedJob;
  readonly priority: Priority;
  /** From now; undefined for none. */
  readonly deadlineMs: number | undefined;
  /** How much there is to do, in a unit that is the same for all jobs of its kind, whose pace is learned together. */
  readonly work: number;
  readonly kind: string;
  readonly idempotency: IdempotencyKey | undefined;
  readonly bounds: {
    /** Most jobs that may wait for the model. */
    readonly waiting: number;
    /** Most jobs of the owner that may not have ended. */
    readonly outstanding: number;
  };
}

export interface IdempotencyKey {
  /** Of the key as the client sent it: what it sends never becomes part of a name. */
  readonly keySha256: string;
  /** Of the request, so that another request under the same key is noticed. */
  readonly fingerprint: string;
}

/** `place` is the job's priority in the queue: its owner's outstanding jobs and 1, so that everybody's first jobs go first. */
export type Admission =
  | { readonly answer: 'accepted'; readonly id: string; readonly position: number; readonly place: number }
  | { readonly answer: 'replayed'; readonly id: string; readonly position: number }
  | { readonly answer: 'file gone'; readonly sha256: string }
  | { readonly answer: 'conflict' | 'queue full' | 'too many' };

/** A job as its record has it: its receipts lie beside it, in the same order, and no worker needs them. */
export type RecordedJob = Omit<AcceptedJob, 'loras'> & { readonly loras: readonly Omit<LoraInUse, 'receipt'>[] };

/** One attempt at one job. */
export interface Claim {
  readonly id: string;
  readonly owner: string;
  /** The fencing token: 1 for the first attempt. */
  readonly attempt: number;
  readonly job: RecordedJob;
  readonly crashes: number;
  readonly queuedMs: number;
  /** Milliseconds until its deadline passes; undefined where it has none. */
  readonly deadlineMs: number | undefined;
}

export type JobEnd =
  | { readonly status: 'completed'; readonly outcome: JobOutcome }
  | { readonly status: 'failed'; readonly error: ProblemDetails }
  | { readonly status: 'cancelled' };

const LEVELS: Readonly<Record<Priority, number>> = { high: 0, normal: 1, low: 2 };

/** After every place that a job of another priority can have: an owner's outstanding jobs are bounded below this. */
const FIRST_LOW_PLACE = 1_000_000;

const OVERDUE = problemDetails(new ServiceError('deadline_exceeded', 'the deadline of the request has passed'));

export function createJobJournal(redis: Redis, resultLifetimeS: number): JobJournal {
  const keysOf = (id: string) => [recordKey(id), eventsKey(id)];
  /** Events of each attempt, so that one that is sent again is known again. */
  const published = new WeakMap<Claim, number>();
  const overdue = describeEnd({ status: 'failed', error: OVERDUE });
  const { hashOf, textOf } = createReceiptTexts();
  return {
    async admit(id, { owner, job, priority, deadlineMs, work, kind, idempotency, bounds }) {
      const { model } = job.request;
      const receipts = job.loras.map(({ receipt }) => receipt);
      const keys = [...keysOf(id), ...(idempotency ? [idempotencyKey(owner, idempotency.keySha256)] : [])];
      const args = [
        ...[owner, model, queueName(model), JSON.stringify(recorded(job))],
        ...[LEVELS[priority], priority === 'low' ? FIRST_LOW_PLACE : 1, bounds.waiting, bounds.outstanding],
        ...[deadlineMs ?? '', work, kind, (job.stored_loras ?? []).join(' '), receipts.map(hashOf).join(' ')],
        ...(idempotency ? [idempotency.fingerprint, LIMITS.idempotencyS] : ['', '']),
      ];
      const answer = await ADMIT(redis, keys, args);
      const [word] = answer as readonly [Admission['answer'] | 'receipts wanted'];
      if (word !== 'receipts wanted') return parseAdmission(id, answer);
      return parseAdmission(id, await ADMIT(redis, keys, [...args, ...receipts.map(textOf)]));
    },
    async withdraw(id) {
      await WITHDRAW(redis, keysOf(id), [resultLifetimeS]);
    },
    async read(caller, id) {
      const answer = (await READ(redis, keysOf(id), [])) as ReadAnswer;
      if (answer[0] === 'unknown') return undefined;
      if (answer[0] === 'expired') {
        if (answer[1] !== caller.owner) return undefined;
        throw new ServiceError('expired', `generation ${id} has expired; results are kept for ${resultLifetimeS} s`);
      }
      const [, list, position, running, [jobMs, workMs], nowMs, receipts] = answer;
      const fields = fieldsOf(list);
      if (fields.owner !== caller.owner) return undefined;
      const pace = { jobMs: numberOf(jobMs), workMs: numberOf(workMs) };
      return parseGeneration(id, fields, receipts, { position, running, pace, nowMs: Number(nowMs) });
    },
    async findByKey({ owner }, { keySha256, fingerprint }) {
      const key = idempotencyKey(owner, keySha256);
      const [id, known, position] = await redis.hmget(key, 'job', 'fingerprint', 'position');
      if (typeof id !== 'string') return undefined;
      return known === fingerprint ? { answer: 'replayed', id, position: Number(position) } : { answer: 'conflict' };
    },
    async cancel({ owner }, id) {
      const answer = await CANCEL(redis, keysOf(id), [owner, CANCEL_CHANNEL, id, resultLifetimeS]);
      return answer as 'unknown' | 'finished' | 'cancelled' | 'cancelling';
    },
    async claim(id, device) {
      const args = [device, resultLifetimeS, JSON.stringify(overdue.event), overdue.value, randomUUID()];
      const answer = (await CLAIM(redis, keysOf(id), args)) as
        | readonly ['gone']
        | readonly ['claimed', number, string, number, number, string, number];
      if (answer[0] === 'gone') return undefined;
      const [, attempt, job, crashes, queuedMs, owner, deadlineMs] = answer;
      return {
        ...{ id, owner, attempt, job: JSON.parse(job), crashes, queuedMs },
        deadlineMs: deadlineMs < 0 ? undefined : deadlineMs,
      };
    },
    async publish(claim, event) {
      const { id, attempt } = claim;
      const count = (published.get(claim) ?? 0) + 1;
      published.set(claim, count);
      const done = event.type === 'step' ? event.image * event.steps + event.step : '';
      const answer = await PUBLISH(redis, keysOf(id), [attempt, JSON.stringify(event), done, count]);
      return answer as 'published' | 'cancel' | 'fenced';
    },
    async finish({ id, attempt }, end) {
      const { event, field, value } = describeEnd(end);
      const args = [attempt, end.status, JSON.stringify(event), field, value, resultLifetimeS];
      return (await FINISH(redis, keysOf(id), args)) === 1;
    },
    async abandon(id, error) {
      const { event, value } = describeEnd({ status: 'failed', error });
      return (await ABANDON(redis, keysOf(id), [JSON.stringify(event), value, resultLifetimeS])) === 1;
    },
    async countCrash({ id, attempt }) {
      return Number(await COUNT_CRASH(redis, keysOf(id), [attempt]));
    },
    async release({ id, attempt }) {
      await RELEASE(redis, keysOf(id), [attempt]);
    },
    async endOverdue(most) {
      const args = [JSON.stringify(overdue.event), overdue.value, resultLifetimeS, most];
      const ended = (await END_OVERDUE(redis, [DEADLINES_KEY], args)) as readonly (readonly [string, string])[];
      return ended.map(([id, model]) => ({ id, model }));
    },
    async compareWithQueue(from, count, graceMs) {
      const found = await COMPARE(redis, [UNENDED_KEY], [KEY_PREFIX, from, count, graceMs]);
      return (found as readonly (readonly [string, string, number, Disagreement['what']])[]).map(
        ([id, model, place, what]) => ({ id, model, place, what }),
      );
    },
    countUnended: () => redis.zcard(UNENDED_KEY),
  };
}

function describeEnd(end: JobEnd): { event: JournalEvent; field: 'outcome' | 'error' | ''; value: string } {
  switch (end.status) {
    case 'completed':
      return { event: { type: 'completed' }, field: 'outcome', value: JSON.stringify(end.outcome) };
    case 'failed':
      return { event: { type: 'failed', error: end.error }, field: 'error', value: JSON.stringify(end.error) };
    case 'cancelled':
      return { event: { type: 'cancelled' }, field: '', value: '' };
  }
}

type ReadAnswer =
  | readonly ['unknown']
  | readonly ['expired', string]
  | readonly ['found', readonly string[], number, number, readonly (string | null)[], string, readonly string[]];

function recorded(job: AcceptedJob): RecordedJob {
  return { ...job, loras: job.loras.map(({ receipt: _, ...rest }) => rest) };
}

function parseAdmission(id: string, answer: unknown): Admission {
  const [word, first, second] = answer as readonly [Admission['answer'], never, never];
  if (word === 'accepted') return { answer: word, id, position: Number(first), place: Number(second) };
  if (word === 'replayed') return { answer: word, id: String(first), position: Number(second) };
  if (word === 'file gone') return { answer: word, sha256: String(first) };
  return { answer: word };
}

/** A hash as a script returns it: names and values in turns. */
function fieldsOf(list: readonly string[]): Readonly<Record<string, string>> {
  const names = list.filter((_, index) => index % 2 === 0);
  return Object.fromEntries(names.map((name, index) => [name, list[2 * index + 1] ?? '']));
}

function numberOf(text: string | null | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text);
}

interface Surroundings {
  /** Jobs that wait before it; -1 where it does not wait. */
  readonly position: number;
  readonly running: number;
  readonly pace: Pace;
  readonly nowMs: number;
}

function parseGeneration(
  id: string,
  fields: Readonly<Record<string, string>>,
  receipts: readonly string[],
  surroundings: Surroundings,
): Generation {
  const { request, loras, warnings }: RecordedJob = JSON.parse(fields.job ?? '');
  const status = fields.status as JobStatus;
  const outcome: JobOutcome | undefined = fields.outcome === undefined ? undefined : JSON.parse(fields.outcome);
  return {
    id,
    status,
    attempt: Number(fields.attempt),
    accepted_at: new Date(Number(fields.accepted_at)).toISOString(),
    started_at: timeOf(fields.started_at),
    finished_at: isFinished(status) ? timeOf(fields.finished_at) : null,
    queue_position: status === 'queued' ? Math.max(0, surroundings.position) : null,
    eta_ms: etaOf(status, fields, request.steps * request.n, surroundings),
    request,
    warnings: outcome?.warnings ?? warnings,
    result: outcome === undefined ? null : { ...outcome, request, loras: withReceipts(loras, receipts) },
    error: fields.error === undefined ? null : JSON.parse(fields.error),
  };
}

function withReceipts(loras: RecordedJob['loras'], receipts: readonly string[]): readonly NamedReceipt[] {
  return loras.map((lora, index) => {
    const text = receipts[index];
    if (text === undefined) throw new ServiceError('internal', `the receipt of LoRA '${lora.id}' is lost`);
    return namedReceipt({ ...lora, receipt: JSON.parse(text) });
  });
}

function etaOf(
  status: JobStatus,
  fields: Readonly<Record<string, string>>,
  steps: number,
  { position, running, pace, nowMs }: Surroundings,
): number | null {
  const work = Number(fields.work);
  if (status === 'queued') return estimateMs({ status, work, pace, running, position: Math.max(0, position) });
  if (status !== 'running') return null;
  const done = fields.done !== undefined && {
    steps: Number(fields.done),
    atMs: Number(fields.done_at),
    firstSteps: Number(fields.first_done),
    firstAtMs: Number(fields.first_done_at),
  };
  return estimateMs({
    status,
    work,
    pace,
    nowMs,
    startedMs: Number(fields.started_at),
    steps,
    done: done || undefined,
  });
}

function timeOf(milliseconds: string | undefined): string | null {
  return milliseconds === undefined ? null : new Date(Number(milliseconds)).toISOString();
}
