import { ERRORS, type ProblemDetails, problemDetails, ServiceError } from '../contract/errors.ts';
import type { ProfileEvent, ProfileOrder } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ProfileTurn } from '../queue/profile-queue.ts';
import type { TurnVerdict } from '../queue/turns.ts';
import type { ProfileStore } from '../store/profile-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { RunFailure } from './engine-process.ts';

/** One turn of one LoRA to be measured, from the queue to the store. Everything it does goes through the effects that it is given. */

type MeasuredProfiles = Pick<ProfileStore, 'findAll' | 'keep' | 'fail'>;

export interface RunProfileEffects {
  readonly store: MeasuredProfiles;
  readonly engine: {
    ready(signal: AbortSignal): Promise<ModelDescriptor>;
    profile(order: ProfileOrder, signal: AbortSignal): AsyncIterable<ProfileEvent>;
  };
  readonly now: () => number;
  readonly logger: Logger;
}

/** How often the queue is told how far it is. */
const REPORT_MS = 500;

export async function runProfile(turn: ProfileTurn, effects: RunProfileEffects): Promise<TurnVerdict> {
  const { order, signal } = turn;
  const { store, engine, now } = effects;
  const logger = effects.logger.child({ lora: order.lora.id, sha256: order.lora.sha256 });
  try {
    const model = await engine.ready(signal);
    // Ordered for a checkpoint that has another content now: whoever asks again gets another order.
    if (order.model_sha256 !== model.sha256) return 'ended';
    if (!order.again && (await isMeasured(order, store))) return 'ended';
    const start = now();
    let reported = start;
    for await (const event of engine.profile(order, signal)) {
      if (event.type === 'profiled') {
        await store.keep(event.profile);
        logger.info({ score: event.profile.pixel.score, ms: Math.round(now() - start) }, 'measured');
      } else if (now() - reported >= REPORT_MS) {
        reported = now();
        await turn.report({ done: event.done, total: event.total });
      }
    }
    return 'ended';
  } catch (error) {
    if (signal.aborted) return 'handed back';
    return settleFailure(error, turn, { store, logger });
  }
}

/** Two gateways may have ordered it one after the other. */
async function isMeasured(order: ProfileOrder, store: MeasuredProfiles): Promise<boolean> {
  const [known] = await store.findAll([pairOf(order)]);
  return known?.profile != null;
}

async function settleFailure(
  error: unknown,
  { order, isLastTry }: ProfileTurn,
  { store, logger }: Pick<RunProfileEffects, 'store' | 'logger'>,
): Promise<TurnVerdict> {
  const problem = error instanceof RunFailure ? error.problem : problemDetails(error);
  const mayRetry = ERRORS[problem.code].retryable && !isLastTry;
  logger.error({ err: error, code: problem.code, mayRetry }, 'cannot be measured');
  if (mayRetry) return 'retry';
  await store.fail(pairOf(order), problem);
  return 'ended';
}

/** For an order that the queue has given up. */
export async function failGivenUp(order: ProfileOrder, store: MeasuredProfiles): Promise<void> {
  const problem: ProblemDetails = problemDetails(new ServiceError('internal', 'the queue has given the profile up'));
  await store.fail(pairOf(order), problem);
}

function pairOf({ model_sha256, lora }: ProfileOrder) {
  return { model_sha256, lora_sha256: lora.sha256 };
}
