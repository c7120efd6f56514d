import { problemDetails, ServiceError } from '../contract/errors.ts';
import type { Producer } from '../queue/producer.ts';
import type { Disagreement, JobJournal } from '../store/job-journal.ts';
import { keepRounds } from '../store/rounds.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * Looks after jobs that nobody else will look after any more: those whose deadline passes while they wait, those that a dying gateway
 * wrote down and never queued, and those that the queue gave up when the worker that should have said so died too. Every gateway runs
 * one; what it does can be done twice, and by several at once, without harm.
 */
export interface Caretaker {
  close(): Promise<void>;
}

export interface CaretakerParts {
  readonly journal: JobJournal;
  readonly producer: Producer;
  readonly logger: Logger;
}

const INTERVAL_MS = 500;
const OVERDUE_AT_ONCE = 500;
const COMPARED_AT_ONCE = 500;
/** Between the two writes of a submit, or of a worker that ends a job, journal and queue disagree and all is well. */
const GRACE_MS = 5000;

export function startCaretaker(parts: CaretakerParts): Caretaker {
  let from = 0;
  const round = async () => {
    try {
      from = await lookAfter(parts, from);
    } catch (error) {
      // Redis is away, which its owner has logged; the next round finds what this one has not.
      parts.logger.debug({ err: error }, 'the caretaker could not do its round');
    }
  };
  return { close: keepRounds(round, () => INTERVAL_MS) };
}

/** One round; compares from the entry `from` of all unended jobs on, and returns where the next round goes on. */
export async function lookAfter({ journal, producer, logger }: CaretakerParts, from: number, graceMs = GRACE_MS) {
  const overdue = await journal.endOverdue(OVERDUE_AT_ONCE);
  for (const { id, model } of overdue) {
    logger.info({ job: id }, 'its deadline passed while it waited');
    await producer.remove(model, id).catch(() => {});
  }
  for (const disagreement of await journal.compareWithQueue(from, COMPARED_AT_ONCE, graceMs)) {
    await settle(disagreement, { journal, producer, logger });
  }
  const next = from + COMPARED_AT_ONCE;
  return next < (await journal.countUnended()) ? next : 0;
}

const GIVEN_UP = problemDetails(new ServiceError('worker_lost', 'the queue has given the job up'));

async function settle(
  { id, model, place, what }: Disagreement,
  { journal, producer, logger }: CaretakerParts,
): Promise<void> {
  if (what === 'given up') {
    if (await journal.abandon(id, GIVEN_UP)) logger.error({ job: id }, 'given up by the queue, and ended here');
    return;
  }
  // What the queue holds of it, if anything, is a job that it takes for done.
  await producer.remove(model, id);
  await producer.add(model, id, place);
  logger.warn({ job: id }, 'forgotten by the queue, and queued again');
}
