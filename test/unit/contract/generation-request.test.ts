import { expect, test } from 'vitest';
import {
  GENERATION_REQUEST_SCHEMA,
  type GenerationRequest,
  parseGenerationRequest,
} from '../../../src/contract/generation-request.ts';
import { METHOD_NAMES } from '../../../src/core/composition/options.ts';
import { InputError } from '../../../src/core/problem.ts';

function messagesFor(value: unknown): readonly string[] {
  try {
    parseGenerationRequest(value);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.problems.every((problem) => problem.message.startsWith(problem.subject))).toBe(true);
    return error.problems.map((problem) => problem.message);
  }
}

test('a prompt alone is a request', () => {
  expect(parseGenerationRequest({ prompt: 'a fox' })).toEqual({ prompt: 'a fox' });
});

test('a request with everything in it comes back as it is', () => {
  const request: GenerationRequest = {
    model: 'demo',
    prompt: 'a fox',
    negative_prompt: '',
    width: 512,
    height: 768,
    steps: 20,
    guidance_scale: 0,
    guidance_rescale: 0.7,
    sampler: 'ddim',
    seed: 0,
    n: 8,
    loras: [
      { id: 'ink', weight: -0.5, frequency_class: 'high' },
      { sha256: 'ab'.repeat(32), weight: { unet: 1, text_encoder: 0 } },
    ],
    composition: {
      method: 'cmlora',
      preset: 'fast',
      direction: 'low_first',
      mode: 'offline',
      phase_at: 0.5,
      late_set: 'all',
      turn: { near: 1, middle: 4, bounds: [0.25, 0.75] },
      weights: { initial: 2, decay: 'geometric', floor: 1 },
      refresh: { policy: 'leader', every: 2, max_age: 4, warm_up: 0, forced_end: 0 },
      cut: { level: 0, layers: 2 },
      cache: 'feature',
      uncond: 'per_lora',
      text_encoder: 'own',
      order: ['ink', 'ab'.repeat(32)],
    },
    output: { format: 'png' },
  };
  expect(parseGenerationRequest(request)).toEqual(request);
});

test('the message says subject, value and what is allowed', () => {
  expect(messagesFor({ prompt: 'x', steps: 0 })).toEqual(['steps is 0; must be an integer from 1 to 150']);
  expect(messagesFor({ prompt: 'x', width: 513 })).toEqual(['width is 513; must be a multiple of 8 from 64 to 1024']);
  expect(messagesFor({ prompt: 'x', sampler: 'eular' })).toEqual([
    'sampler is "eular"; must be "ddim" or "dpmpp-2m" or "euler" or "euler-ancestral" or "heun"',
  ]);
  expect(messagesFor({ prompt: 'x', loras: [{ id: 'a' }, { id: 'b', weight: 9 }] })).toEqual([
    'loras[1].weight is 9; must be a number from -4 to 4 or an object with unet, text_encoder',
  ]);
  expect(messagesFor({ prompt: 'x', loras: [{ id: 'a', weight: { unet: 1 } }] })).toEqual([
    'loras[0].weight.text_encoder is missing; must be a number from -4 to 4',
  ]);
  expect(messagesFor({ prompt: 'x', composition: { method: 'cmlora', weights: { initial: 0 } } })).toEqual([
    'composition.weights.initial is 0; must be "n_minus_half" or a number above 0 and at most 1000000000',
  ]);
  expect(messagesFor({ prompt: 'x', composition: { method: 'cmlora', turn: { bounds: [0.1] } } })).toEqual([
    'composition.turn.bounds is [0.1]; must be a list of 2',
  ]);
});

test('all problems are reported at once, however many there are', () => {
  const loras = Array.from({ length: 16 }, () => ({ id: '', weight: 'much', frequency_class: 'mid' }));
  expect(messagesFor({ steps: 0, width: 7, height: 7, n: 0, seed: -1, guidance_scale: 99, loras })).toHaveLength(
    7 + 3 * 16,
  );
});

test('a body of nonsense has a bounded answer', () => {
  const nonsense = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => ['x'.repeat(index), 1]));
  const messages = messagesFor({ prompt: 'x', ...nonsense });
  expect(messages).toHaveLength(101);
  expect(messages.at(-1)).toBe('request has 4900 more problems');
  expect(Math.max(...messages.map((message) => message.length))).toBeLessThan(300);
});

test('an unknown field is an error that names the fields there are', () => {
  expect(messagesFor({ prompt: 'x', stepz: 20 })[0]).toMatch(/^stepz is not a field of a request; allowed here are/);
  expect(messagesFor({ prompt: 'x', loras: [{ id: 'a', wieght: 1 }] })).toEqual([
    'loras[0].wieght is not a field of a request; allowed here are id, name, sha256, weight, trigger, frequency_class',
  ]);
  expect(messagesFor(JSON.parse('{"prompt": "x", "__proto__": 1, "constructor": 2}'))).toHaveLength(2);
});

test.each(['strict_loras', 'cache'])('%s is refused by name until a later version brings it', (name) => {
  expect(messagesFor({ prompt: 'x', [name]: {} })).toEqual([`${name} is not supported by this version`]);
});

const METHODS = METHOD_NAMES.map((name) => `"${name}"`).join(' or ');

test('a quality belongs to the formats that lose something', () => {
  expect(messagesFor({ prompt: 'x', output: { format: 'webp' } })).toEqual([]);
  expect(messagesFor({ prompt: 'x', output: { format: 'jpeg', quality: 80 } })).toEqual([]);
  expect(messagesFor({ prompt: 'x', output: { metadata: false } })).toEqual([]);
  expect(messagesFor({ prompt: 'x', output: { metadata: 'no' } })).toEqual([
    'output.metadata is "no"; must be true or false',
  ]);
  expect(messagesFor({ prompt: 'x', output: { format: 'gif', quality: 0 } })).toEqual([
    'output.format is "gif"; must be "png" or "webp" or "jpeg"',
    'output.quality is 0; must be an integer from 1 to 100',
  ]);
  for (const output of [{ quality: 80 }, { format: 'png', quality: 80 }]) {
    expect(messagesFor({ prompt: 'x', output })).toEqual([
      'output.quality is given with a PNG, which keeps every pixel; must be left out, or the format be webp or jpeg',
    ]);
  }
});

test('an option belongs to its method', () => {
  expect(messagesFor({ prompt: 'x', composition: { method: 'switch', tau: 1, text_encoder: 'first' } })).toEqual([]);
  expect(messagesFor({ prompt: 'x', composition: { method: 'switch', tau: 0 } })).toEqual([
    'composition.tau is 0; must be an integer from 1 to 150',
  ]);
  expect(messagesFor({ prompt: 'x', composition: { method: 'composite', tau: 5, text_encoder: 'first' } })).toEqual([
    'composition.tau is not a field of a request; allowed here are method, text_encoder',
    'composition.text_encoder is "first"; must be "all" or "own" or "none"',
  ]);
});

test.each<GenerationRequest['composition'] & object>([
  { method: 'merge', scale: 0.8, text_encoder: 'none' },
  { method: 'lorahub', weights: [{ id: 'ink', weight: -1.5 }], text_encoder: 'all' },
  { method: 'switch-a', tau: 2, phase_at: 0.5, text_encoder: 'first' },
  {
    method: 'w-switch',
    triggers: [{ id: 'ink', phrases: ['ink wash', 'brush'] }],
    weights: [{ id: 'ink', weight: 0.25 }],
    tau: 3,
    closing: { id: 'ink', evaluations: 0 },
    text_encoder: 'none',
  },
  { method: 'w-composite', triggers: [{ id: 'ink', phrases: [] }], weights: [], text_encoder: 'own' },
  { method: 'delta-composite', scale: 0.7, uncond: 'base', text_encoder: 'all' },
  { method: 'loratorio-like', patches: 4, temperature: 0.01, text_encoder: 'own' },
])('every option of a rival is taken: %j', (composition) => {
  expect(parseGenerationRequest({ prompt: 'x', composition })).toEqual({ prompt: 'x', composition });
});

test('what a rival cannot do is refused by name', () => {
  expect(
    messagesFor({ prompt: 'x', composition: { method: 'w-switch', triggers: [{ id: 'a' }], closing: { lora: 'a' } } }),
  ).toEqual([
    'composition.triggers[0].phrases is missing; must be a list of at most 32',
    'composition.closing.lora is not a field of a request; allowed here are id, evaluations',
  ]);
  expect(messagesFor({ prompt: 'x', composition: { method: 'loratorio-like', temperature: 0 } })).toEqual([
    'composition.temperature is 0; must be a number above 0 and at most 1000000000',
  ]);
});

test('a composition without a method is told what is missing', () => {
  expect(messagesFor({ prompt: 'x', composition: { preset: 'fast' } })).toEqual([
    `composition.method is missing; must be ${METHODS}`,
  ]);
});

test('a LoRA is named in exactly one way', () => {
  expect(messagesFor({ prompt: 'x', loras: [{ weight: 1 }, { id: 'a', sha256: '0'.repeat(64) }] })).toEqual([
    'loras[0] has none of id, name and sha256; must have exactly one of them',
    'loras[1] has id and sha256; must have exactly one of them',
  ]);
});

test('prompts are bounded in bytes and hold whole characters', () => {
  expect(messagesFor({ prompt: 'é'.repeat(4096) })).toEqual([]);
  expect(messagesFor({ prompt: 'é'.repeat(4097) })).toEqual(['prompt is 8194 bytes; must be at most 8192']);
  expect(messagesFor({ prompt: 'x', negative_prompt: 'a\ud83d' })).toEqual([
    'negative_prompt holds half of a surrogate pair at 1; must be well-formed Unicode',
  ]);
  expect(messagesFor({ prompt: 'a fox 🦊' })).toEqual([]);
});

test('numbers that JSON does not know are refused', () => {
  expect(messagesFor({ prompt: 'x', guidance_scale: Number.NaN, steps: Number.POSITIVE_INFINITY })).toEqual([
    'guidance_scale is NaN; must be a number from 0 to 50',
    'steps is Infinity; must be an integer from 1 to 150',
  ]);
});

test.each([[null], ['text'], [3], [[]], [true]])('%j is no request', (value) => {
  expect(messagesFor(value)[0]).toMatch(/^request is .*; must be an object with model, prompt/);
});

test('the schema is plain JSON Schema', () => {
  expect(JSON.parse(JSON.stringify(GENERATION_REQUEST_SCHEMA))).toEqual(GENERATION_REQUEST_SCHEMA);
});
