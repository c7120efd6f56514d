import { ERRORS, type ErrorCode, type ProblemDetails, problemDetails, ServiceError } from '../contract/errors.ts';
import type { ImageResult } from '../contract/generation-result.ts';
import type { AcceptedJob, JobOutcome } from '../contract/job.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import { VERSION } from '../contract/version.ts';
import { encodeImage } from '../files/encode-image.ts';
import { encodePreview } from '../files/encode-preview.ts';
import { recipeOf } from '../files/recipe.ts';
import type { StopReason, Turn, Verdict } from '../queue/consumer.ts';
import type { Claim, JobJournal } from '../store/job-journal.ts';
import type { Logger } from '../telemetry/logger.ts';
import { EngineReplaced, RunFailure } from './engine-process.ts';
import type { Turnstile } from './turnstile.ts';

/**
 * One turn of one job, from claim to end: relays what the engine says to the job's events, encodes and stores pictures, and decides
 * by the error table what becomes of a failure. Everything it does goes through the effects that it is given.
 */

export interface RunJobEffects {
  readonly journal: JobJournal;
  /** Keeps a file for as long as the job's result can be read; resolves with its sha256. */
  readonly keepPicture: (bytes: Uint8Array, jobId: string) => Promise<string>;
  readonly engine: {
    ready(signal: AbortSignal): Promise<ModelDescriptor>;
    run(
      jobId: string,
      job: Pick<AcceptedJob, 'request' | 'preview' | 'stored_loras' | 'trace'>,
      signal: AbortSignal,
    ): AsyncIterable<PipelineEvent>;
  };
  readonly turnstile: Turnstile;
  readonly now: () => number;
  readonly logger: Logger;
}

/** An engine that dies this often under one job dies because of it. */
export const CRASHES_MAX = 2;

export async function runJob(turn: Turn, effects: RunJobEffects): Promise<Verdict> {
  // Both the queue (a cancel, a stop, a lost lock) and the journal's answers (a cancel, a newer attempt) can stop the run.
  const stop = new AbortController();
  const { signal } = stop;
  const follow = () => stop.abort(turn.signal.reason);
  if (turn.signal.aborted) follow();
  turn.signal.addEventListener('abort', follow);
  let claim: Claim | undefined;
  let deadline: NodeJS.Timeout | undefined;
  let leave = () => {};
  try {
    const model = await effects.engine.ready(signal);
    claim = await effects.journal.claim(turn.id, model.device);
    if (claim === undefined) return 'ended';
    const overdue: StopReason = 'overdue';
    if (claim.deadlineMs !== undefined) deadline = setTimeout(() => stop.abort(overdue), claim.deadlineMs);
    const logger = effects.logger.child({ job: turn.id, attempt: claim.attempt });
    logger.info({ queuedMs: claim.queuedMs }, 'started');
    leave = await effects.turnstile.enter(claim.crashes > 0, signal);
    const outcome = await produce({ claim, model, signal, stop, effects });
    await effects.journal.finish(claim, { status: 'completed', outcome });
    logger.info({ passes: outcome.passes, timings: outcome.timings }, 'completed');
    return 'ended';
  } catch (error) {
    if (signal.aborted) return await settleStop(signal.reason as StopReason, claim, effects);
    if (claim === undefined) throw error;
    return await settleFailure(error, { claim, turn, effects });
  } finally {
    clearTimeout(deadline);
    turn.signal.removeEventListener('abort', follow);
    leave();
  }
}

async function produce(options: {
  readonly claim: Claim;
  readonly model: ModelDescriptor;
  readonly signal: AbortSignal;
  readonly stop: AbortController;
  readonly effects: RunJobEffects;
}): Promise<JobOutcome> {
  const { claim, model, signal, stop, effects } = options;
  const { request, warnings } = claim.job;
  if (request.model_sha256 !== model.sha256) {
    throw new ServiceError('model_not_found', `${model.id} is another checkpoint now than when this was accepted`);
  }
  const images: ImageResult[] = [];
  let encodeMs = 0;
  for await (const event of effects.engine.run(claim.id, claim.job, signal)) {
    if (event.type === 'step' || event.type === 'preview') {
      const told = event.type === 'step' ? event : await previewEvent(event);
      const answer = await effects.journal
        .publish(claim, { attempt: claim.attempt, ...told })
        .catch(asError('unavailable', 'the journal cannot be written'));
      const reason: StopReason | undefined =
        answer === 'cancel' ? 'cancelled' : answer === 'fenced' ? 'lock lost' : undefined;
      if (reason !== undefined) stop.abort(reason);
    } else if (event.type === 'image') {
      const start = effects.now();
      images.push(await keepImage(event, claim, effects.keepPicture));
      encodeMs += effects.now() - start;
    } else {
      return {
        images,
        plan: event.plan,
        ...(event.image_plans !== undefined && { image_plans: event.image_plans }),
        passes: event.passes,
        timings: { queued_ms: claim.queuedMs, ...event.timings, encode_image_ms: encodeMs },
        model: { id: model.id, sha256: model.sha256 },
        device: model.device,
        version: VERSION,
        warnings: [...warnings, ...event.warnings],
      };
    }
  }
  throw new Error('the engine finished a run without saying what it did');
}

/** For `catch`: what fails outside this process, in the words of the error table. What is in them already passes. */
function asError(code: ErrorCode, message: string): (cause: unknown) => never {
  return (cause) => {
    throw cause instanceof ServiceError ? cause : new ServiceError(code, message, { cause });
  };
}

async function previewEvent({ image, step, ...pixels }: Extract<PipelineEvent, { type: 'preview' }>) {
  const { bytes, ...file } = await encodePreview(pixels);
  return { type: 'preview', image, step, ...file, data: Buffer.from(bytes).toString('base64') } as const;
}

async function keepImage(
  event: Extract<PipelineEvent, { type: 'image' }>,
  { id, job: { request } }: Claim,
  keep: RunJobEffects['keepPicture'],
): Promise<ImageResult> {
  const { image: index, seed, width, height, pixels } = event;
  const { output } = request;
  const file = await encodeImage({ width, height, pixels, output, recipe: recipeOf(request, index) });
  const sha256 = await keep(file.bytes, id).catch(asError('storage_unavailable', 'a picture cannot be stored'));
  return {
    index,
    seed,
    width,
    height,
    content_type: file.content_type,
    bytes: file.bytes.length,
    sha256,
    pixels_sha256: file.pixels_sha256,
  };
}

const OVERDUE = problemDetails(new ServiceError('deadline_exceeded', 'the deadline of the request has passed'));

async function settleStop(reason: StopReason, claim: Claim | undefined, effects: RunJobEffects): Promise<Verdict> {
  effects.logger.info({ job: claim?.id, attempt: claim?.attempt, reason }, 'stopped');
  switch (reason) {
    case 'cancelled':
      if (claim !== undefined) await effects.journal.finish(claim, { status: 'cancelled' });
      return 'ended';
    case 'overdue':
      if (claim !== undefined) await effects.journal.finish(claim, { status: 'failed', error: OVERDUE });
      return 'ended';
    case 'draining':
      if (claim !== undefined) await effects.journal.release(claim);
      return 'handed back';
    case 'lock lost':
      // Another worker has the job, or will have it. Nothing here may touch it any more.
      return 'ended';
  }
}

async function settleFailure(
  error: unknown,
  options: { readonly claim: Claim; readonly turn: Turn; readonly effects: RunJobEffects },
): Promise<Verdict> {
  const { claim, turn, effects } = options;
  if (error instanceof EngineReplaced) {
    await effects.journal.release(claim);
    return 'handed back';
  }
  const problem = await problemOf(error, claim, effects.journal);
  const mayRetry = ERRORS[problem.code].retryable && !turn.isLastTry;
  effects.logger.error(
    { err: error, job: claim.id, attempt: claim.attempt, code: problem.code, mayRetry },
    mayRetry ? 'failed; to be tried again' : 'failed',
  );
  if (mayRetry) {
    await effects.journal.release(claim);
    return 'retry';
  }
  await effects.journal.finish(claim, { status: 'failed', error: problem });
  return 'failed';
}

async function problemOf(error: unknown, claim: Claim, journal: JobJournal): Promise<ProblemDetails> {
  if (error instanceof RunFailure) return error.problem;
  if (error instanceof ServiceError && error.code === 'engine_crashed') {
    const crashes = await journal.countCrash(claim);
    if (crashes >= CRASHES_MAX) {
      const poison = new ServiceError('poison_job', `the engine died ${crashes} times`, { cause: error });
      return problemDetails(poison);
    }
  }
  return problemDetails(error);
}
