import { ServiceError } from '../contract/errors.ts';
import type { GenerationPlan } from '../contract/generation-plan.ts';
import { type GenerationRequest, parseGenerationRequest } from '../contract/generation-request.ts';
import type { ImageResult } from '../contract/generation-result.ts';
import { type AcceptedJob, type Generation, isFinished } from '../contract/job.ts';
import { isLastEvent, type JobEvent, type JournalEvent, type StoredJobEvent } from '../contract/job-event.ts';
import type { Principal } from '../contract/principal.ts';
import { InputError } from '../core/problem.ts';
import { describePlan } from '../pipeline/describe-plan.ts';
import { FIRST_ENTRY, isAfter, isEntryId } from '../queue/entry-id.ts';
import type { EventReader } from '../queue/event-reader.ts';
import type { Producer } from '../queue/producer.ts';
import type { Allowances } from '../store/allowances.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { IdempotencyKey, JobJournal, NewJob } from '../store/job-journal.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { type Admitted, createAdmissions, idempotencyOf } from './admission.ts';
import type { BlobLink, BlobLinks } from './blob-links.ts';
import { isJobId } from './job-id.ts';
import { linkAbort } from './linked-abort.ts';
import type { LoraShelf } from './lora-shelf.ts';
import type { Models } from './models.ts';
import { withinQuota } from './picture-quota.ts';
import type { Profiles } from './profiles.ts';
import { reaching } from './reaching.ts';
import { createRequestResolver, type ResolvedForModel } from './request-resolver.ts';
import { checkWebhookUrl, type WebhookPolicy } from './webhooks/webhook-url.ts';
import { workOf } from './work.ts';

/**
 * The use cases of a generation, shared by every door, each for one caller. What belongs to another owner does not exist: both are
 * `not_found`. Whatever is thrown is an `InputError` or a `ServiceError`; `problemDetails` turns it into what a client may see.
 */
export interface Generations {
  /**
   * Checks, resolves and queues a request as it came off the wire (a parsed JSON value in the native contract's snake_case).
   * Every bad input is answered here, before anything is queued, and before it is asked whether a worker is there. The same
   * `idempotencyKey` with the same request gets the first answer again, and nothing is queued a second time; refusals are not
   * remembered.
   */
  submit(caller: Principal, body: unknown, idempotencyKey?: string): Promise<Admitted>;

  /**
   * The same request as an earlier generation's again: a new job that gives the same files. Throws `not_found`, and an InputError
   * where its model or one of its LoRAs is not there any longer.
   */
  replay(caller: Principal, id: string, idempotencyKey?: string): Promise<Admitted>;

  /** What `submit` would do with the same request, and what it would refuse. Nothing is queued, and no worker is needed. */
  plan(caller: Principal, body: unknown): Promise<GenerationPlan>;

  /** The generation as it is now. Throws `not_found`. */
  get(caller: Principal, id: string): Promise<Generation>;

  /** The generation once it has finished, or as it is after `timeoutMs`, or when the signal is aborted. Throws `not_found`. */
  wait(caller: Principal, id: string, timeoutMs: number, signal: AbortSignal): Promise<Generation>;

  /**
   * Every event of the generation after the event `after` (from the first one where it is undefined), as they happen; ends after
   * the last event, or quietly when the signal is aborted. Never cancels the generation. Rejects, before there is anything to
   * iterate, with `not_found` or, for an `after` that is no event id of this generation, `invalid_request`.
   */
  watch(
    caller: Principal,
    id: string,
    after: string | undefined,
    signal: AbortSignal,
  ): Promise<AsyncIterable<StoredJobEvent>>;

  /** `cancelled`: it was waiting and is gone. `cancelling`: its worker has been told. Throws `not_found`, `already_finished`. */
  cancel(caller: Principal, id: string): Promise<{ readonly status: 'cancelled' | 'cancelling' }>;

  /** A link to one picture that anybody can follow for so long. Throws `not_found`, and an InputError for a wrong lifetime. */
  link(caller: Principal, id: string, index: number, lifetimeS: number): Promise<BlobLink>;

  /** One picture of a completed generation: the file's bytes. Throws `not_found`. */
  image(
    caller: Principal,
    id: string,
    index: number,
  ): Promise<{ readonly image: ImageResult; readonly bytes: Uint8Array }>;
}

export interface GenerationsParts {
  readonly journal: JobJournal;
  readonly producer: Producer;
  readonly events: EventReader;
  readonly blobs: BlobStore;
  readonly links: BlobLinks;
  readonly models: Models;
  readonly shelf: LoraShelf;
  readonly profiles: Profiles;
  readonly bounds: NewJob['bounds'];
  readonly allowances: Allowances;
  readonly webhooks: WebhookPolicy;
  readonly tracing: Tracing;
  readonly now: () => number;
  readonly logger: Logger;
}

export function createGenerations(parts: GenerationsParts): Generations {
  const { journal, producer, events, blobs, links, models, allowances, webhooks, tracing, logger } = parts;
  const admissions = createAdmissions(parts);
  const resolver = createRequestResolver(parts);

  async function resolve(caller: Principal, body: unknown, options: { readonly isNoticed: boolean }) {
    const asked = parseGenerationRequest(body);
    if (asked.webhook !== undefined) checkWebhookUrl(asked.webhook.url, webhooks);
    return { ...(await resolver.resolve(caller, asked, options)), asked };
  }

  /** Into line, if somebody is there to take it. */
  async function accept(
    caller: Principal,
    { request, loras, warnings, preview, model, storedLoras }: ResolvedForModel,
    asked: Pick<GenerationRequest, 'webhook' | 'priority' | 'deadline_ms'> & {
      readonly idempotency: IdempotencyKey | undefined;
    },
  ): Promise<Admitted> {
    await models.expectWorker(model.id);
    const { webhook, priority = 'normal', deadline_ms: deadlineMs, idempotency } = asked;
    const trace = tracing.current();
    const job: AcceptedJob = {
      request,
      loras,
      warnings,
      ...(storedLoras.length > 0 && { stored_loras: storedLoras }),
      ...(preview && { preview }),
      ...(webhook && { webhook }),
      ...(trace !== undefined && { trace }),
    };
    const work = workOf(request, model);
    const admitted = await withinQuota({ allowances, caller, pictures: request.n }, () =>
      admissions.admit(caller, { job, work, priority, deadlineMs, idempotency }),
    );
    const { id, isReplay } = admitted;
    logger.info({ job: id, model: model.id, steps: request.steps, loras: request.loras.length, isReplay }, 'accepted');
    return admitted;
  }

  async function find(caller: Principal, id: string): Promise<Generation> {
    const generation = isJobId(id) ? await reaching('Redis', () => journal.read(caller, id)) : undefined;
    if (generation === undefined) throw new ServiceError('not_found', `there is no generation '${id}'`);
    return generation;
  }

  async function findImage(caller: Principal, id: string, index: number): Promise<ImageResult> {
    const { status, result } = await find(caller, id);
    const image = result?.images[index];
    if (image !== undefined) return image;
    throw new ServiceError('not_found', `generation ${id} is ${status} and has no picture ${index}`);
  }

  /** Puts the result, which does not lie in the stream, into the last event. */
  async function complete(caller: Principal, id: string, event: JournalEvent): Promise<JobEvent> {
    if (event.type !== 'completed') return event;
    const { result } = await find(caller, id);
    if (result === null) throw new ServiceError('internal', `generation ${id} is completed and has no result`);
    return { type: 'completed', result };
  }

  async function* follow(
    caller: Principal,
    id: string,
    after: string,
    signal: AbortSignal,
  ): AsyncGenerator<StoredJobEvent, void, void> {
    for await (const entry of events.watch(id, after, signal)) {
      yield { id: entry.id, event: await complete(caller, id, entry.event) };
      if (isLastEvent(entry.event)) return;
    }
  }

  return {
    async submit(caller, body, idempotencyKey) {
      const idempotency = idempotencyKey === undefined ? undefined : idempotencyOf(idempotencyKey, body);
      // First of all: the first answer holds even where the request could not be accepted any longer.
      const known = idempotency && (await admissions.replay(caller, idempotency));
      if (known !== undefined) return known;
      const { asked, ...resolved } = await resolve(caller, body, { isNoticed: true });
      return await accept(caller, resolved, { ...asked, idempotency });
    },

    async replay(caller, id, idempotencyKey) {
      const idempotency = idempotencyKey === undefined ? undefined : idempotencyOf(idempotencyKey, { replay: id });
      const known = idempotency && (await admissions.replay(caller, idempotency));
      if (known !== undefined) return known;
      const { request } = await find(caller, id);
      return await accept(caller, await resolver.replay(caller, request), { idempotency });
    },

    async plan(caller, body) {
      const { model, asked: _, storedLoras: __, ...resolved } = await resolve(caller, body, { isNoticed: false });
      return describePlan(resolved, model);
    },

    get: find,

    async wait(caller, id, timeoutMs, signal) {
      const patience = linkAbort(signal);
      const timer = setTimeout(patience.abort, timeoutMs);
      try {
        const now = await find(caller, id);
        if (isFinished(now.status)) return now;
        for await (const { event } of events.watch(id, FIRST_ENTRY, patience.signal)) if (isLastEvent(event)) break;
        return await find(caller, id);
      } finally {
        clearTimeout(timer);
        patience.unlink();
      }
    },

    async watch(caller, id, after, signal) {
      const { status } = await find(caller, id);
      if (after === undefined) return follow(caller, id, FIRST_ENTRY, signal);
      const last = await reaching('Redis', () => events.lastEntryId(id));
      if (!isEntryId(after) || (last !== undefined && isAfter(after, last))) throw noSuchEvent(id, after);
      const isOver = isFinished(status) && (last === undefined || after === last);
      return isOver ? nothing() : follow(caller, id, after, signal);
    },

    async cancel(caller, id) {
      const { request } = await find(caller, id);
      const answer = await reaching('Redis', () => journal.cancel(caller, id));
      if (answer === 'unknown') throw new ServiceError('not_found', `there is no generation '${id}'`);
      if (answer === 'finished') throw new ServiceError('already_finished', `generation ${id} has already finished`);
      // The journal has the last word; in the queue it only makes room. A worker that has just taken it finds it ended.
      if (answer === 'cancelled') await producer.remove(request.model, id).catch(() => {});
      logger.info({ job: id, answer }, 'cancel');
      return { status: answer };
    },

    async link(caller, id, index, lifetimeS) {
      const { sha256, content_type: contentType } = await findImage(caller, id, index);
      return await links.make({ sha256, contentType }, lifetimeS);
    },

    async image(caller, id, index) {
      const image = await findImage(caller, id, index);
      const bytes = await reaching('the store of pictures', () => blobs.get(image.sha256));
      if (bytes === undefined) throw new ServiceError('not_found', `picture ${index} of generation ${id} is lost`);
      return { image, bytes };
    },
  };
}

async function* nothing(): AsyncGenerator<never, void, void> {}

function noSuchEvent(id: string, after: string): InputError {
  const message = `the event id to resume after is '${after}'; must be one that a stream of generation ${id} has sent`;
  return new InputError([{ code: 'invalid_request', subject: 'Last-Event-ID', message }]);
}
