import Type, { type Static } from 'typebox';
import { setsByRule } from '../core/evaluation/lora-sets.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { SAMPLER_NAMES } from '../core/samplers/names.ts';
import { LIMITS } from './limits.ts';
import { schemaProblems } from './schema-problems.ts';

/**
 * A testbed: what `overtone evaluate` compares, on what, and who judges. It is data of whoever compares; the service never sees one.
 * Methods are named compositions, so a new one needs a line in the file and none here. How to write one: docs/evaluation.md.
 */

/** Which of a testbed's sets: those set aside for tuning, the others, or both. */
export const PARTS = ['tuning', 'held_out', 'all'] as const;
export type Part = (typeof PARTS)[number];

/** Noises that a testbed keeps for each set, so that no two sets share one. */
export const PICTURES_OF_SET_MAX = 64;

const closed = { additionalProperties: false } as const;
const words = (description: string) => Type.String({ minLength: 1, maxLength: 1000, description });
const path = (description: string) => words(`${description} Relative to the testbed's own folder.`);
const slots = (description: string) =>
  Type.Unsafe<Readonly<Record<string, string>>>(
    Type.Object({}, { additionalProperties: Type.String(), description, 'x-allowed': 'an object of slots and values' }),
  );

const LORA_SCHEMA = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      'x-allowed': 'the id of a LoRA: letters, digits, _ and -, at most 64',
    }),
    title: Type.Optional(words('What people call it.')),
    category: words('At most one LoRA of a category is in a set that the rule makes.'),
    triggers: Type.Array(words('A phrase of prompts.'), { minItems: 1, maxItems: 16 }),
    weight: Type.Optional(Type.Number({ minimum: -LIMITS.loraWeight, maximum: LIMITS.loraWeight })),
    frequency_class: Type.Optional(Type.Enum(['high', 'low'])),
    source: Type.Optional(words('Where its file can be had.')),
    fixes: Type.Optional(slots('Slots of the concept judge, with the values that its concept has.')),
    habits: Type.Optional(slots('Slots with the values of its training pictures that are no part of its concept.')),
    hides: Type.Optional(Type.Array(Type.String(), { description: 'Slots that its concept covers or replaces.' })),
  },
  closed,
);

const NAME = Type.String({
  pattern: '^[a-z0-9_]{1,40}$',
  'x-allowed': 'a name of lower-case letters, digits and _, at most 40',
});

const METHOD_SCHEMA = Type.Object(
  {
    name: NAME,
    title: Type.Optional(words('What the report calls it.')),
    group: NAME,
    loras: Type.Optional(Type.Enum(['all', 'none'], { description: 'Default all.' })),
    composition: Type.Optional(
      Type.Unsafe<Readonly<Record<string, unknown>>>(
        Type.Object({ method: Type.String() }, { additionalProperties: true }),
      ),
    ),
    fill: Type.Optional(
      Type.Array(Type.Enum(['triggers']), {
        description: 'Fields of the composition that are filled in from the testbed for each set.',
      }),
    ),
    weights: Type.Optional(
      path('A JSON file with weights of the LoRAs of each set, for methods that search for them.'),
    ),
    steps: Type.Optional(Type.Integer({ minimum: LIMITS.stepsMin, maximum: LIMITS.stepsMax })),
    reference: Type.Optional(words('A method to whose picture from the same noise PSNR is measured.')),
  },
  closed,
);

export const TESTBED_SCHEMA = Type.Object(
  {
    title: words('What is compared on what.'),
    notes: Type.Optional(Type.Array(Type.String())),
    checkpoint: path('A diffusers folder.'),
    loras_folder: path('A folder with a file for each LoRA.'),
    loras: Type.Array(LORA_SCHEMA, { minItems: 1, maxItems: 64 }),
    sets: Type.Object(
      {
        sizes: Type.Optional(
          Type.Array(Type.Integer({ minimum: 1, maximum: LIMITS.loras }), {
            minItems: 1,
            maxItems: LIMITS.loras,
            description: 'Every set of these sizes: one character, and one each of other categories.',
          }),
        ),
        list: Type.Optional(
          Type.Array(Type.Array(Type.String(), { minItems: 1, maxItems: LIMITS.loras }), {
            minItems: 1,
            maxItems: 10_000,
            description: 'These sets, in place of those that the rule makes.',
          }),
        ),
      },
      closed,
    ),
    tuning: Type.Object({ share: Type.Number({ minimum: 0, maximum: 1 }), seed: Type.Integer({ minimum: 0 }) }, closed),
    prompt: Type.Object({ prefix: Type.String(), negative: Type.String() }, closed),
    picture: Type.Object(
      {
        steps: Type.Integer({ minimum: LIMITS.stepsMin, maximum: LIMITS.stepsMax }),
        guidance_scale: Type.Number({ minimum: 0, maximum: LIMITS.guidanceScaleMax }),
        sampler: Type.Enum([...SAMPLER_NAMES]),
        width: Type.Integer({ minimum: LIMITS.sideMin, maximum: LIMITS.sideMax, multipleOf: LIMITS.sideMultiple }),
        height: Type.Integer({ minimum: LIMITS.sideMin, maximum: LIMITS.sideMax, multipleOf: LIMITS.sideMultiple }),
        lora_scale: Type.Number({ minimum: 0, maximum: LIMITS.loraWeight, description: "Times every LoRA's weight." }),
      },
      closed,
    ),
    first_seed: Type.Integer({ minimum: 0, maximum: 2 ** 40 }),
    groups: Type.Array(
      Type.Object(
        {
          name: NAME,
          part: Type.Enum([...PARTS]),
          seeds: Type.Integer({
            minimum: 1,
            maximum: PICTURES_OF_SET_MAX,
            description: 'Pictures of each set and method.',
          }),
        },
        closed,
      ),
      { minItems: 1 },
    ),
    methods: Type.Array(METHOD_SCHEMA, { minItems: 1, maxItems: 200 }),
    baseline: words('The method without LoRAs, which every evaluation draws.'),
    claims: Type.Optional(
      Type.Object(
        {
          subject: words('The method that claims are made of.'),
          rivals: Type.Array(Type.String(), { minItems: 1 }),
          tuned: Type.Optional(Type.String()),
          fast: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
    judges: Type.Object(
      {
        clip: Type.Optional(path('A folder of a CLIP, as transformers saves it.')),
        concepts: Type.Optional(path('A folder with model.onnx and labels.json.')),
        vision: Type.Optional(
          Type.Object(
            {
              model: words('The name that the endpoint has for it.'),
              against: Type.Array(Type.String(), { minItems: 1, description: 'Methods that `claims.subject` meets.' }),
              pairs: Type.Integer({ minimum: 1, maximum: 10_000, description: 'At most so many pairs for each.' }),
            },
            closed,
          ),
        ),
      },
      closed,
    ),
    true_renderings: Type.Optional(path('A folder with pictures of what each set should be.')),
  },
  closed,
);

export type Testbed = Static<typeof TESTBED_SCHEMA>;
export type TestbedMethod = Testbed['methods'][number];
export type TestbedLora = Testbed['loras'][number];

/** Throws an `InputError` with everything that is wrong. `subject` is what messages call the file. */
export function parseTestbed(value: unknown, subject: string): Testbed {
  const shape = schemaProblems(TESTBED_SCHEMA, value).map(({ path: at, kind, value: found, allowed }) => {
    const place = at === '' ? 'it' : at;
    if (kind === 'missing') return `${place} is missing; must be ${allowed}`;
    if (kind === 'unknown') return `${place} is not a field of a testbed; allowed here are ${allowed}`;
    return `${place} is ${shown(found)}; must be ${allowed}`;
  });
  refuse(shape, subject);
  const testbed = value as Testbed;
  refuse(meaningProblems(testbed), subject);
  return testbed;
}

/** Ids of the LoRAs of every set, in the order in which they are evaluated. */
export function setsOf({ sets, loras }: Testbed): readonly (readonly string[])[] {
  return sets.list ?? (sets.sizes ?? []).flatMap((size) => setsByRule(loras, size));
}

/** What a schema cannot say: names that must be known, and known once. */
function meaningProblems(testbed: Testbed): readonly string[] {
  const { loras, sets, groups, methods, baseline, claims, judges } = testbed;
  const loraIds = loras.map(({ id }) => id);
  const names = methods.map(({ name }) => name);
  const groupNames = groups.map(({ name }) => name);
  const known = (place: string, name: string | undefined, allowed: readonly string[]): readonly string[] =>
    name === undefined || allowed.includes(name) ? [] : [`${place} is "${name}"; must be one of ${allowed.join(', ')}`];
  return [
    ...twins('loras', loraIds),
    ...twins('methods', names),
    ...twins('groups', groupNames),
    ...twins(
      'sets.list',
      (sets.list ?? []).map((set) => [...set].sort().join('+')),
    ),
    ...((sets.list === undefined) === (sets.sizes === undefined) ? ['sets must have either sizes or a list'] : []),
    ...(sets.list ?? []).flatMap((set, index) => set.flatMap((id) => known(`sets.list[${index}]`, id, loraIds))),
    ...(sets.sizes ?? [])
      .filter((size) => setsByRule(loras, size).length === 0)
      .map((size) => `sets.sizes has ${size}, of which these LoRAs make no set`),
    ...methods.flatMap((method, index) => [
      ...known(`methods[${index}].group`, method.group, groupNames),
      ...known(`methods[${index}].reference`, method.reference, names),
      ...(method.loras === 'none' || method.composition !== undefined
        ? []
        : [`methods[${index}].composition is missing; only a method of loras "none" has none`]),
    ]),
    ...known(
      'baseline',
      baseline,
      methods.filter(({ loras: use }) => use === 'none').map(({ name }) => name),
    ),
    ...[claims?.subject, ...(claims?.rivals ?? []), claims?.tuned, claims?.fast].flatMap((name) =>
      known('claims', name, names),
    ),
    ...(judges.vision?.against ?? []).flatMap((name) => known('judges.vision.against', name, names)),
    ...(judges.vision !== undefined && claims === undefined ? ['judges.vision needs claims.subject'] : []),
  ];
}

function twins(place: string, names: readonly string[]): readonly string[] {
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) < index));
  return [...repeated].map((name) => `${place} has "${name}" more than once`);
}

function refuse(faults: readonly string[], subject: string): void {
  if (faults.length === 0) return;
  throw new InputError(
    faults.map((fault): Problem => ({ code: 'invalid_request', subject, message: `${subject}: ${fault}` })),
  );
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 100);
}
