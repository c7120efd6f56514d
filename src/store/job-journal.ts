import type { Redis } from 'ioredis';
import type { ProblemDetails } from '../contract/errors.ts';
import { type AcceptedJob, type Generation, isFinished, type JobOutcome, type JobStatus } from '../contract/job.ts';
import type { JournalEvent } from '../contract/job-event.ts';
import type { Principal } from '../contract/principal.ts';
import { CANCEL_CHANNEL, eventsKey, recordKey } from '../contract/redis-keys.ts';
import { ABANDON, CANCEL, CLAIM, COUNT_CRASH, CREATE, FINISH, PUBLISH, RELEASE } from './journal-scripts.ts';

/**
 * The journal of jobs: for each job one record (what it is, where it stands, what came of it) and one stream of events, which
 * change together. Gateways create, read and cancel; workers claim, publish and finish. BullMQ's queue only says whose turn it is:
 * the truth about a job is here.
 */
export interface JobJournal {
  create(id: string, created: NewJob): Promise<void>;
  /** Undoes `create` for a job that could not be queued. */
  remove(id: string): Promise<void>;
  /** Undefined where there is none, or it is not the caller's. */
  read(caller: Principal, id: string): Promise<Generation | undefined>;
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
}

export interface NewJob {
  /** Whose it is, for as long as it exists. */
  readonly owner: string;
  readonly job: AcceptedJob;
  readonly queuePosition: number;
}

/** One attempt at one job. */
export interface Claim {
  readonly id: string;
  readonly owner: string;
  /** The fencing token: 1 for the first attempt. */
  readonly attempt: number;
  readonly job: AcceptedJob;
  readonly crashes: number;
  readonly queuedMs: number;
}

export type JobEnd =
  | { readonly status: 'completed'; readonly outcome: JobOutcome }
  | { readonly status: 'failed'; readonly error: ProblemDetails }
  | { readonly status: 'cancelled' };

/** A job that never ends, because somebody died between creating and queueing it, is forgotten after this long. */
const UNFINISHED_LIFETIME_S = 7 * 24 * 3600;

export function createJobJournal(redis: Redis, resultLifetimeS: number): JobJournal {
  const keysOf = (id: string) => [recordKey(id), eventsKey(id)];
  return {
    async create(id, { owner, job, queuePosition }) {
      const queued: JournalEvent = { type: 'queued', queue_position: queuePosition };
      const args = [owner, job.request.model, JSON.stringify(job), JSON.stringify(queued), UNFINISHED_LIFETIME_S];
      await CREATE(redis, keysOf(id), args);
    },
    async remove(id) {
      await redis.del(...keysOf(id));
    },
    async read(caller, id) {
      const fields = await redis.hgetall(recordKey(id));
      const isTheirs = fields.status !== undefined && fields.owner === caller.owner;
      return isTheirs ? parseGeneration(id, fields) : undefined;
    },
    async cancel({ owner }, id) {
      const answer = await CANCEL(redis, keysOf(id), [owner, CANCEL_CHANNEL, id, resultLifetimeS]);
      return answer as 'unknown' | 'finished' | 'cancelled' | 'cancelling';
    },
    async claim(id, device) {
      const answer = (await CLAIM(redis, keysOf(id), [device, resultLifetimeS])) as
        | readonly ['gone']
        | readonly ['claimed', number, string, number, number, string];
      if (answer[0] === 'gone') return undefined;
      const [, attempt, job, crashes, queuedMs, owner] = answer;
      return { id, owner, attempt, job: JSON.parse(job), crashes, queuedMs };
    },
    async publish({ id, attempt }, event) {
      const answer = await PUBLISH(redis, keysOf(id), [attempt, JSON.stringify(event)]);
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

function parseGeneration(id: string, fields: Readonly<Record<string, string>>): Generation {
  const { request, loras, warnings }: AcceptedJob = JSON.parse(fields.job ?? '');
  const status = fields.status as JobStatus;
  const outcome: JobOutcome | undefined = fields.outcome === undefined ? undefined : JSON.parse(fields.outcome);
  return {
    id,
    status,
    attempt: Number(fields.attempt),
    accepted_at: new Date(Number(fields.accepted_at)).toISOString(),
    started_at: timeOf(fields.started_at),
    finished_at: isFinished(status) ? timeOf(fields.finished_at) : null,
    request,
    warnings: outcome?.warnings ?? warnings,
    result: outcome === undefined ? null : { ...outcome, request, loras },
    error: fields.error === undefined ? null : JSON.parse(fields.error),
  };
}

function timeOf(milliseconds: string | undefined): string | null {
  return milliseconds === undefined ? null : new Date(Number(milliseconds)).toISOString();
}
