import Type from 'typebox';
import type { GenerationPlan } from '../../contract/generation-plan.ts';
import type { FrequencyUse, GenerationResult, NamedReceipt } from '../../contract/generation-result.ts';
import type { Generation } from '../../contract/job.ts';
import type { JobEvent } from '../../contract/job-event.ts';
import { CONTENT_TYPES } from '../../contract/output.ts';
import type { ResolvedRequest } from '../../contract/resolved-request.ts';
import type { EvaluationPlan } from '../../core/composition/method.ts';
import { type Composition, METHOD_NAMES } from '../../core/composition/options.ts';
import type { LoraReceipt } from '../../core/lora/receipt.ts';
import { SAMPLER_NAMES } from '../../core/samplers/names.ts';
import type { BlobLink } from '../../service/blob-links.ts';
import type { GenerationUrls } from '../urls.ts';
import { PROBLEM } from './problem.ts';
import { closed, count, named, orNull, sha256, shape, texts, time } from './shape.ts';

/** A generation, from its acceptance to its pictures. */

const frequencyClass = Type.Enum(['high', 'low']);
const modelName = Type.Object({ id: Type.String(), sha256 }, closed);
const passCounts = Type.Object({ full: count, reuse: count }, closed);

/** Each method's own options, every one of them: docs/cmlora.md. */
const composition = Type.Unsafe<Composition>(
  Type.Object(
    { method: Type.Enum([...METHOD_NAMES]) },
    { additionalProperties: true, description: "The method, and every option of it as it is in the request's schema." },
  ),
);

const withoutRecipe = Type.Optional(Type.Literal(false, { description: 'There where the files carry no recipe.' }));

export const RESOLVED_REQUEST = named<ResolvedRequest>(
  'ResolvedRequest',
  shape<ResolvedRequest>()(
    Type.Object(
      {
        model: Type.String(),
        model_sha256: sha256,
        prompt: Type.String(),
        negative_prompt: Type.String(),
        width: count,
        height: count,
        steps: count,
        guidance_scale: Type.Number(),
        guidance_rescale: Type.Number(),
        sampler: Type.Enum([...SAMPLER_NAMES]),
        seed: count,
        n: count,
        loras: Type.Array(
          Type.Object(
            {
              id: Type.String(),
              sha256,
              weight: Type.Object({ unet: Type.Number(), text_encoder: Type.Number() }, closed),
              frequency_class: frequencyClass,
              frequency_class_assumed: Type.Boolean(),
            },
            closed,
          ),
        ),
        composition,
        output: Type.Union([
          Type.Object({ format: Type.Literal('png'), metadata: withoutRecipe }, closed),
          Type.Object({ format: Type.Enum(['webp', 'jpeg']), quality: count, metadata: withoutRecipe }, closed),
        ]),
      },
      { ...closed, description: 'A request with nothing left implicit.' },
    ),
  ),
);

export const receiptFields = {
  format: Type.Enum(['kohya', 'diffusers', 'peft']),
  sha256,
  matched: Type.Object({ unet: texts, text_encoder: texts }, closed),
  unmatched: Type.Array(Type.Object({ key: Type.String(), reason: Type.String() }, closed)),
  ranks: Type.Array(Type.Number()),
  alphas: Type.Array(Type.Number()),
};
shape<LoraReceipt>()(Type.Object(receiptFields));

const frequencyFields = {
  frequency_class: frequencyClass,
  source: Type.Enum(['request', 'category', 'profile', 'unclear', 'assumed']),
  score: orNull(Type.Number()),
  profile: Type.Enum(['absent', 'pending', 'ready', 'failed']),
};
const frequency = shape<FrequencyUse>()(Type.Object(frequencyFields, closed));

export const RECEIPT = named<NamedReceipt>(
  'Receipt',
  shape<NamedReceipt>()(
    Type.Object(
      { id: Type.String(), ...receiptFields, frequency: Type.Optional(frequency) },
      { ...closed, description: 'What of a LoRA matches the model, and what does not.' },
    ),
  ),
);

const evaluationFields = {
  evaluation: count,
  step: count,
  timestep: Type.Number(),
  leader: orNull(Type.String()),
  weights: Type.Array(Type.Object({ id: Type.String(), weight: Type.Number() }, closed)),
  full: texts,
  reuse: texts,
  observed: Type.Optional(
    Type.Object(
      { high_band: orNull(Type.Number()), threshold: Type.Number(), phase: Type.Enum(['first', 'second']) },
      closed,
    ),
  ),
};

export const EVALUATION = named<EvaluationPlan>(
  'Evaluation',
  shape<EvaluationPlan>()(
    Type.Object(evaluationFields, {
      ...closed,
      description: 'Who led one evaluation of the model, and which passes were whole.',
    }),
  ),
);

export const RESULT = named<GenerationResult>(
  'Result',
  shape<GenerationResult>()(
    Type.Object(
      {
        images: Type.Array(
          Type.Object(
            {
              index: count,
              seed: count,
              width: count,
              height: count,
              content_type: Type.Enum(Object.values(CONTENT_TYPES)),
              bytes: count,
              sha256,
              pixels_sha256: sha256,
            },
            closed,
          ),
        ),
        request: RESOLVED_REQUEST.ref,
        loras: Type.Array(RECEIPT.ref),
        plan: Type.Array(EVALUATION.ref),
        image_plans: Type.Optional(Type.Array(Type.Object({ image: count, plan: Type.Array(EVALUATION.ref) }, closed))),
        passes: passCounts,
        timings: Type.Object(
          {
            queued_ms: Type.Number(),
            load_loras_ms: Type.Number(),
            encode_text_ms: Type.Number(),
            denoise_ms: Type.Number(),
            decode_ms: Type.Number(),
            encode_image_ms: Type.Number(),
          },
          closed,
        ),
        model: modelName,
        device: Type.String(),
        version: Type.String(),
        warnings: texts,
      },
      { ...closed, description: 'What came out, and how it was made.' },
    ),
  ),
);

const urls = shape<GenerationUrls>()(
  Type.Object({ self: Type.String(), events: Type.String(), cancel: Type.String(), images: Type.String() }, closed),
);

export const GENERATION = named<Generation & { readonly urls: GenerationUrls }>(
  'Generation',
  shape<Generation & { readonly urls: GenerationUrls }>()(
    Type.Object(
      {
        id: Type.String(),
        status: Type.Enum(['queued', 'running', 'completed', 'failed', 'cancelled']),
        attempt: count,
        accepted_at: time,
        started_at: orNull(time),
        finished_at: orNull(time),
        queue_position: orNull(count),
        eta_ms: orNull(Type.Number()),
        request: RESOLVED_REQUEST.ref,
        warnings: texts,
        result: orNull(RESULT.ref),
        error: orNull(PROBLEM.ref),
        urls,
      },
      { ...closed, description: 'A generation at one moment.' },
    ),
  ),
);

export const ACCEPTED = named<AcceptedAnswer>(
  'Accepted',
  shape<AcceptedAnswer>()(
    Type.Object(
      { id: Type.String(), status: Type.Literal('queued'), queue_position: count, urls },
      { ...closed, description: 'A generation that waits for its turn.' },
    ),
  ),
);

export interface AcceptedAnswer {
  readonly id: string;
  readonly status: 'queued';
  readonly queue_position: number;
  readonly urls: GenerationUrls;
}

export const CANCELLED = shape<{ id: string; status: 'cancelled' | 'cancelling'; urls: GenerationUrls }>()(
  Type.Object({ id: Type.String(), status: Type.Enum(['cancelled', 'cancelling']), urls }, closed),
);

export const LINK = shape<BlobLink>()(Type.Object({ url: Type.String(), expires_at: time }, closed));

/** The data of a server-sent event, by its type. */
export const EVENT = named<JobEvent>(
  'Event',
  shape<JobEvent>()(
    Type.Union(
      [
        Type.Object({ type: Type.Literal('queued'), queue_position: count }, closed),
        Type.Object({ type: Type.Literal('started'), attempt: count, device: Type.String() }, closed),
        Type.Object(
          {
            type: Type.Literal('step'),
            attempt: count,
            image: count,
            step: count,
            steps: count,
            leader: orNull(Type.String()),
          },
          closed,
        ),
        Type.Object(
          {
            type: Type.Literal('preview'),
            attempt: count,
            image: count,
            step: count,
            content_type: Type.Literal('image/webp'),
            width: count,
            height: count,
            data: Type.String({ description: 'The file in base64.' }),
          },
          closed,
        ),
        Type.Object({ type: Type.Literal('completed'), result: RESULT.ref }, closed),
        Type.Object({ type: Type.Literal('failed'), error: PROBLEM.ref }, closed),
        Type.Object({ type: Type.Literal('cancelled') }, closed),
      ],
      { description: 'The data of a server-sent event.' },
    ),
  ),
);

export const PLAN = named<GenerationPlan>(
  'Plan',
  shape<GenerationPlan>()(
    Type.Object(
      {
        request: RESOLVED_REQUEST.ref,
        loras: Type.Array(RECEIPT.ref),
        leading: orNull(
          Type.Object(
            {
              order: texts,
              order_source: Type.Enum(['request', 'profile', 'classes']),
              high: texts,
              low: texts,
              classes: Type.Array(Type.Object({ id: Type.String(), ...frequencyFields }, closed)),
              split: orNull(Type.Number()),
              halves_tau: orNull(Type.Number()),
            },
            closed,
          ),
        ),
        certainty: Type.Enum(['exact', 'expected']),
        plan: Type.Array(Type.Object({ ...evaluationFields, refreshed: texts, cost: Type.Number() }, closed)),
        passes: passCounts,
        cost: Type.Object(
          { full_passes: Type.Number(), full_pass_macs: Type.Number(), reuse_share: orNull(Type.Number()) },
          closed,
        ),
        model: modelName,
        warnings: texts,
      },
      { ...closed, description: 'What a request would do, step by step, and what it would cost.' },
    ),
  ),
);

/** One server-sent event; a stream of them is described by its events. */
export const SERVER_SENT_EVENT = Type.Object({
  id: Type.Optional(Type.String({ description: 'For `Last-Event-ID`.' })),
  event: Type.Optional(Type.String({ description: 'The type of the event.' })),
  data: Type.Optional(
    Type.String({
      contentMediaType: 'application/json',
      contentSchema: Type.Union([EVENT.ref, PROBLEM.ref]),
      description: 'An `Event` in JSON; of the event `error`, a `Problem`.',
    }),
  ),
  retry: Type.Optional(count),
});
