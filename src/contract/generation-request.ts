import Type, { type Static } from 'typebox';
import { InputError } from '../core/problem.ts';
import { SAMPLER_NAMES } from '../core/samplers/names.ts';
import { LIMITS } from './limits.ts';
import { DEFAULT_QUALITY, OUTPUT_FORMATS } from './output.ts';
import { requestProblems } from './request-problems.ts';

/**
 * The request of a generation, as every native door takes it: one schema for the type, the check and OpenAPI. Defaults are filled in
 * later, by `pipeline/resolve-request.ts`, because most of them come from the checkpoint. A field or value that a later version
 * brings is refused by name, and so is every field that is unknown: nothing is ever ignored.
 */

const closed = { additionalProperties: false } as const;

/** Turns, ages and counts of evaluations: a sampler makes at least one evaluation a step. */
const evaluationCount = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: LIMITS.stepsMax, description }));

const fraction = { minimum: 0, maximum: 1 } as const;

const loraWeight = { minimum: -LIMITS.loraWeight, maximum: LIMITS.loraWeight } as const;

const text = (description: string) =>
  Type.String({ description, 'x-allowed': `text of at most ${LIMITS.promptBytes} bytes in UTF-8` });

const side = (name: string) =>
  Type.Optional(
    Type.Integer({
      minimum: LIMITS.sideMin,
      maximum: LIMITS.sideMax,
      multipleOf: LIMITS.sideMultiple,
      description: `${name} of the picture in pixels. Default: the checkpoint's own size.`,
    }),
  );

const LORA_SCHEMA = Type.Object(
  {
    id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, 'x-allowed': 'the id of a LoRA, at most 255 characters' }),
    ),
    name: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        'x-allowed': 'the name of an uploaded LoRA, at most 255 characters',
      }),
    ),
    sha256: Type.Optional(
      Type.String({ pattern: '^[0-9a-f]{64}$', 'x-allowed': "a file's sha256: 64 lower-case hexadecimal digits" }),
    ),
    weight: Type.Optional(
      Type.Union(
        [
          Type.Number(loraWeight),
          Type.Object({ unet: Type.Number(loraWeight), text_encoder: Type.Number(loraWeight) }, closed),
        ],
        { description: 'One number for both parts, or one for each. Default 1.' },
      ),
    ),
    trigger: Type.Optional(
      Type.Enum(['inject', 'none'], {
        description: 'inject: what calls the LoRA is put behind the prompt, unless it is there. Default none.',
      }),
    ),
    frequency_class: Type.Optional(
      Type.Enum(['high', 'low'], {
        description:
          'Whether the LoRA mostly acts on fine or on coarse structure. Default: what its profile says, else high; the answer says which.',
      }),
    ),
  },
  { ...closed, description: 'A LoRA, named by exactly one of `id`, `name` and `sha256`; each file once.' },
);

const scale = (description: string) =>
  Type.Optional(Type.Number({ minimum: 0, maximum: LIMITS.loraWeight, description }));

/** One number for each LoRA of the request. */
const weightList = (weight: { readonly minimum: number; readonly maximum: number }, description: string) =>
  Type.Optional(
    Type.Array(Type.Object({ id: Type.String(), weight: Type.Number(weight) }, closed), {
      maxItems: LIMITS.loras,
      description,
    }),
  );

const TRIGGERS_SCHEMA = Type.Optional(
  Type.Array(
    Type.Object(
      {
        id: Type.String(),
        phrases: Type.Array(
          Type.String({ minLength: 1, maxLength: 255, 'x-allowed': 'a phrase of 1 to 255 characters' }),
          { maxItems: LIMITS.triggers },
        ),
      },
      closed,
    ),
    { maxItems: LIMITS.loras, description: 'The phrases of the prompt that call each LoRA. Default: none.' },
  ),
);

const TEXT_ENCODER_OF_PASSES = Type.Optional(
  Type.Enum(['all', 'own', 'none'], { description: "Which text LoRAs act on a pass's text. Default own." }),
);

const TEXT_ENCODER_OF_TURNS = Type.Optional(
  Type.Enum(['all', 'own', 'first', 'none'], { description: "Which text LoRAs act on a pass's text. Default own." }),
);

const MERGE_SCHEMA = Type.Object(
  {
    method: Type.Literal('merge'),
    scale: scale("Multiplies every LoRA's weight. Default 1."),
    text_encoder: Type.Optional(Type.Enum(['all', 'none'], { description: 'Default all.' })),
  },
  { ...closed, description: 'All LoRAs added to the weights at once: one U-Net pass an evaluation.' },
);

const LORAHUB_SCHEMA = Type.Object(
  {
    method: Type.Literal('lorahub'),
    weights: weightList(
      { minimum: -LIMITS.loraWeight, maximum: LIMITS.loraWeight },
      "Multiplies each LoRA's weight; what `overtone tune` finds. Default 1 each, which is merge.",
    ),
    text_encoder: Type.Optional(Type.Enum(['all', 'none'], { description: 'Default all.' })),
  },
  { ...closed, description: 'LoraHub: merge at weights that a search has found.' },
);

const SWITCH_SCHEMA = Type.Object(
  {
    method: Type.Literal('switch'),
    tau: evaluationCount(1, 'Evaluations for which one LoRA acts before the next takes over. Default 5.'),
    text_encoder: TEXT_ENCODER_OF_TURNS,
  },
  { ...closed, description: 'One LoRA at a time, in the order of the request: one U-Net pass an evaluation.' },
);

const SWITCH_A_SCHEMA = Type.Object(
  {
    method: Type.Literal('switch-a'),
    tau: evaluationCount(1, 'Evaluations for which one LoRA acts before the next takes over. Default 5.'),
    phase_at: Type.Optional(
      Type.Number({ ...fraction, description: 'Trajectory fraction at which the low set takes over. Default 0.6.' }),
    ),
    text_encoder: TEXT_ENCODER_OF_TURNS,
  },
  { ...closed, description: 'Switch within the high set first and within the low set after it.' },
);

const W_SWITCH_SCHEMA = Type.Object(
  {
    method: Type.Literal('w-switch'),
    triggers: TRIGGERS_SCHEMA,
    weights: weightList({ minimum: 0, maximum: 1e9 }, 'Default: what the prompt changes without the triggers.'),
    tau: evaluationCount(1, 'Evaluations for which the weightiest LoRA acts. Default 5 % of all.'),
    closing: Type.Optional(
      Type.Object(
        {
          id: Type.Optional(Type.String({ description: 'Who acts at the end. Default: the first LoRA.' })),
          evaluations: evaluationCount(0, 'How many evaluations the end has. Default 5 % of all.'),
        },
        closed,
      ),
    ),
    text_encoder: TEXT_ENCODER_OF_TURNS,
  },
  { ...closed, description: 'Switch with turns as long as the prompt means by a LoRA.' },
);

const COMPOSITE_SCHEMA = Type.Object(
  {
    method: Type.Literal('composite'),
    text_encoder: TEXT_ENCODER_OF_PASSES,
  },
  {
    ...closed,
    description: 'Every LoRA predicts alone, and the predictions are averaged: N U-Net passes an evaluation.',
  },
);

const W_COMPOSITE_SCHEMA = Type.Object(
  {
    method: Type.Literal('w-composite'),
    triggers: TRIGGERS_SCHEMA,
    weights: weightList({ minimum: 0, maximum: 1e9 }, 'Default: how near the triggers are to the prompt.'),
    text_encoder: TEXT_ENCODER_OF_PASSES,
  },
  { ...closed, description: 'Composite with weights by what the prompt means by a LoRA.' },
);

const DELTA_COMPOSITE_SCHEMA = Type.Object(
  {
    method: Type.Literal('delta-composite'),
    scale: scale("How much of each LoRA's difference from the plain model is added. Default 1."),
    uncond: Type.Optional(
      Type.Enum(['per_lora', 'base'], {
        description: 'Whose unconditional prediction guides. Default per_lora: composed like the other half.',
      }),
    ),
    text_encoder: TEXT_ENCODER_OF_PASSES,
  },
  { ...closed, description: "The LoRAs' differences from the plain model, added up: N + 1 U-Net passes." },
);

const LORATORIO_LIKE_SCHEMA = Type.Object(
  {
    method: Type.Literal('loratorio-like'),
    patches: Type.Optional(
      Type.Integer({ minimum: 1, maximum: LIMITS.patches, description: 'Patches along a side. Default 8.' }),
    ),
    temperature: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1e9,
        description: 'Of the weights in a patch: a small one lets one LoRA have it alone. Default 0.05.',
      }),
    ),
    text_encoder: TEXT_ENCODER_OF_PASSES,
  },
  { ...closed, description: 'In each patch a LoRA counts the more the less it predicts like the plain model.' },
);

const CUT_SCHEMA = Type.Union(
  [
    Type.Enum(['outer', 'none']),
    Type.Object({ level: Type.Integer({ minimum: 0 }), layers: Type.Integer({ minimum: 1 }) }, closed),
  ],
  { description: 'How much a reuse pass computes; `outer` is { level: 0, layers: 1 }, `none` caches nothing.' },
);

const CMLORA_SCHEMA = Type.Object(
  {
    method: Type.Literal('cmlora'),
    preset: Type.Optional(Type.Enum(['quality', 'fast', 'reference'], { description: 'Default quality.' })),
    direction: Type.Optional(
      Type.Enum(['high_first', 'low_first', 'interleaved'], { description: 'Which set of LoRAs leads first.' }),
    ),
    mode: Type.Optional(
      Type.Enum(['offline', 'online'], {
        description:
          "What decides which set leads: the trajectory's fraction, or the latent of each image while it is made.",
      }),
    ),
    threshold: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1,
        description:
          "Mode online: the high band of a latent below which the second set takes over. Default: the plain model's own at phase_at.",
      }),
    ),
    parity: Type.Optional(
      Type.Enum(['none', 'reference'], {
        description: "`reference` adds the faults of the authors' code that change pictures, to compare with.",
      }),
    ),
    phase_at: Type.Optional(
      Type.Number({ ...fraction, description: 'Trajectory fraction at which the second set takes over.' }),
    ),
    late_set: Type.Optional(Type.Enum(['low', 'all', 'all_but_first'], { description: 'Who leads after phase_at.' })),
    turn: Type.Optional(
      Type.Object(
        {
          near: evaluationCount(1, 'Evaluations a leader leads near both ends of the trajectory.'),
          middle: evaluationCount(1, 'Evaluations a leader leads within the bounds.'),
          bounds: Type.Optional(
            Type.Unsafe<readonly [number, number]>(
              Type.Array(Type.Number(fraction), {
                minItems: 2,
                maxItems: 2,
                description: 'Trajectory fractions between which `middle` holds, ascending.',
              }),
            ),
          ),
        },
        closed,
      ),
    ),
    weights: Type.Optional(
      Type.Object(
        {
          initial: Type.Optional(
            Type.Union([Type.Literal('n_minus_half'), Type.Number({ exclusiveMinimum: 0, maximum: 1e9 })], {
              description: 'Dominance coefficient c of the leader: its vote is c, that of each other LoRA 1.',
            }),
          ),
          decay: Type.Optional(Type.Enum(['none', 'geometric'])),
          floor: Type.Optional(Type.Number({ minimum: 0, maximum: 1e9, description: 'Least c under decay.' })),
        },
        closed,
      ),
    ),
    refresh: Type.Optional(
      Type.Object(
        {
          policy: Type.Optional(Type.Enum(['leader', 'on_turn', 'oldest_first', 'all'])),
          every: evaluationCount(1, 'Evaluations between two refreshes of `oldest_first`.'),
          max_age: evaluationCount(1, 'Evaluations after which a cache is computed again, whatever the policy says.'),
          warm_up: evaluationCount(0, 'First evaluations at which every LoRA runs in full.'),
          forced_end: evaluationCount(0, 'Last evaluations at which every LoRA runs in full.'),
        },
        closed,
      ),
    ),
    cut: Type.Optional(CUT_SCHEMA),
    cache: Type.Optional(
      Type.Enum(['feature', 'delta', 'forecast'], {
        description:
          "What is kept of each LoRA: its deep feature, or that less the plain model's, at one pass more an evaluation, or its last two features, whose trend goes on.",
      }),
    ),
    uncond: Type.Optional(
      Type.Enum(['per_lora', 'base'], {
        description: "Whose unconditional prediction guides: that of each LoRA, folded, or the plain model's alone.",
      }),
    ),
    text_encoder: TEXT_ENCODER_OF_PASSES,
    order: Type.Optional(
      Type.Array(Type.String(), {
        maxItems: LIMITS.loras,
        description: 'Ids of all LoRAs of the request in leading order; else the frequency classes decide.',
      }),
    ),
  },
  { ...closed, description: 'CMLoRA: one LoRA leads at a time, the others vote from cached features.' },
);

export const GENERATION_REQUEST_SCHEMA = Type.Object(
  {
    model: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, 'x-allowed': 'the id of a model, at most 255 characters' }),
    ),
    prompt: text('What the picture shows.'),
    negative_prompt: Type.Optional(text('What guidance leads away from. Default: empty.')),
    width: side('Width'),
    height: side('Height'),
    steps: Type.Optional(
      Type.Integer({ minimum: LIMITS.stepsMin, maximum: LIMITS.stepsMax, description: 'Denoising steps.' }),
    ),
    guidance_scale: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: LIMITS.guidanceScaleMax,
        description: 'Classifier-free guidance; 1 or less runs no unconditional pass.',
      }),
    ),
    guidance_rescale: Type.Optional(
      Type.Number({
        ...fraction,
        description:
          'How far guidance is brought back to the contrast of the unguided prediction. Default 0: not at all.',
      }),
    ),
    sampler: Type.Optional(Type.Enum([...SAMPLER_NAMES], { description: "Default: the checkpoint's scheduler." })),
    seed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: LIMITS.seedMax,
        description: 'Image i starts from the noise of seed + i. Default: drawn at random, and in the answer.',
      }),
    ),
    n: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.imagesMax, description: 'Images. Default 1.' })),
    loras: Type.Optional(
      Type.Array(LORA_SCHEMA, { maxItems: LIMITS.loras, description: 'Default: none, the plain model.' }),
    ),
    composition: Type.Optional(
      Type.Union(
        [
          MERGE_SCHEMA,
          LORAHUB_SCHEMA,
          SWITCH_SCHEMA,
          SWITCH_A_SCHEMA,
          W_SWITCH_SCHEMA,
          COMPOSITE_SCHEMA,
          W_COMPOSITE_SCHEMA,
          DELTA_COMPOSITE_SCHEMA,
          LORATORIO_LIKE_SCHEMA,
          CMLORA_SCHEMA,
        ],
        { description: 'How the LoRAs act together. Default: cmlora for two or more LoRAs, else merge.' },
      ),
    ),
    priority: Type.Optional(
      Type.Enum(['high', 'normal', 'low'], {
        description:
          "Before or after the caller's own others; `low` waits for everybody's. Never before another caller's turn. Default normal.",
      }),
    ),
    deadline_ms: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LIMITS.deadlineMsMax,
        description: 'Milliseconds from acceptance after which it is stopped, waiting or running, and fails.',
      }),
    ),
    webhook: Type.Optional(
      Type.Object(
        {
          url: Type.String({
            minLength: 1,
            maxLength: LIMITS.webhookUrlCharacters,
            'x-allowed': `a URL of at most ${LIMITS.webhookUrlCharacters} characters`,
          }),
        },
        { ...closed, description: 'Who is told when the generation has ended, where the service allows it.' },
      ),
    ),
    preview: Type.Optional(
      Type.Object(
        {
          every_steps: Type.Integer({
            minimum: 1,
            maximum: LIMITS.stepsMax,
            description: `Steps between two previews; at most ${LIMITS.previewsMax} previews in all.`,
          }),
        },
        {
          ...closed,
          description: 'Small pictures of what is being made, as events. They change nothing of the result.',
        },
      ),
    ),
    output: Type.Optional(
      Type.Object(
        {
          format: Type.Optional(Type.Enum([...OUTPUT_FORMATS], { description: 'Default png.' })),
          quality: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 100,
              description: `Of WebP and JPEG. Default ${DEFAULT_QUALITY}.`,
            }),
          ),
          metadata: Type.Optional(
            Type.Boolean({
              description:
                'Whether the file carries its recipe: prompts, LoRAs and all else that makes the picture again. Default true.',
            }),
          ),
        },
        { ...closed, description: 'How the picture is written.' },
      ),
    ),
  },
  { ...closed, description: 'One prompt and its LoRAs, to become pictures.' },
);

export type GenerationRequest = Static<typeof GENERATION_REQUEST_SCHEMA>;

/** Parses what a door received. Throws an `InputError` with every problem of the request. */
export function parseGenerationRequest(value: unknown): GenerationRequest {
  const problems = requestProblems(GENERATION_REQUEST_SCHEMA, value);
  if (problems.length > 0) throw new InputError(problems);
  return value as GenerationRequest;
}
