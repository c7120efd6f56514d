import fc from 'fast-check';
import Type from 'typebox';
import Value from 'typebox/value';
import { expect, test } from 'vitest';
import { GENERATION_REQUEST_SCHEMA } from '../../../src/contract/generation-request.ts';
import { schemaProblems } from '../../../src/contract/schema-problems.ts';

test('a problem says where it is, what was there and what is allowed', () => {
  const schema = Type.Object({ sides: Type.Array(Type.Integer({ minimum: 1, maximum: 9 })) });
  expect(schemaProblems(schema, { sides: [1, 0] })).toEqual([
    { path: 'sides[1]', kind: 'value', value: 0, allowed: 'an integer from 1 to 9' },
  ]);
});

test('a missing field is told apart from a wrong one', () => {
  const schema = Type.Object({ name: Type.String() });
  expect(schemaProblems(schema, {})).toEqual([
    { path: 'name', kind: 'missing', value: undefined, allowed: 'a string' },
  ]);
});

test('a union is explained by the branch that was meant', () => {
  const schema = Type.Union([Type.Number(), Type.Object({ unet: Type.Number() }, { additionalProperties: false })]);
  expect(schemaProblems(schema, { unet: 'much' }).map((problem) => problem.path)).toEqual(['unet']);
  expect(schemaProblems(schema, 'much')).toEqual([
    { path: '', kind: 'value', value: 'much', allowed: 'a number or an object with unet' },
  ]);
});

test('a value always has problems exactly where the schema library refuses it', () => {
  const scalar = fc.oneof(
    fc.constantFrom(0, 1, -1, 0.5, 8, 64, 100, 150, 151, 512, Number.NaN, null, true, '', 'x', 'high', 'png'),
    fc.constantFrom('euler', 'merge', 'cmlora', 'fast', 'outer', 'none', 'all', 'own', 'a'.repeat(64)),
  );
  const optional = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
  const lora = optional({
    id: scalar,
    sha256: scalar,
    weight: fc.oneof(scalar, optional({ unet: scalar, x: scalar })),
  });
  const composition = optional({
    method: fc.constantFrom('merge', 'cmlora', 'switch'),
    preset: scalar,
    text_encoder: scalar,
    cut: fc.oneof(scalar, optional({ level: scalar, layers: scalar })),
    turn: fc.oneof(scalar, optional({ near: scalar, bounds: fc.oneof(scalar, fc.array(scalar)) })),
    weights: fc.oneof(scalar, optional({ initial: scalar })),
    order: fc.oneof(scalar, fc.array(scalar)),
  });
  const request = optional({
    prompt: scalar,
    steps: scalar,
    width: scalar,
    seed: scalar,
    guidance_scale: scalar,
    sampler: scalar,
    loras: fc.oneof(scalar, fc.array(fc.oneof(scalar, lora))),
    composition: fc.oneof(scalar, composition),
    extra: scalar,
  });
  fc.assert(
    fc.property(request, (value) => {
      expect(schemaProblems(GENERATION_REQUEST_SCHEMA, value).length === 0).toBe(
        Value.Check(GENERATION_REQUEST_SCHEMA, value),
      );
    }),
    { numRuns: 1000 },
  );
});

test('fields that are not named are allowed where the schema is open, and checked where it says how', () => {
  const schema = Type.Object({
    open: Type.Object({ method: Type.String() }, { additionalProperties: true }),
    texts: Type.Object({}, { additionalProperties: Type.String() }),
  });
  const value = { open: { method: 'merge', tau: 5 }, texts: { fur: 'brown', count: 2 } };
  expect(schemaProblems(schema, value)).toEqual([
    { path: 'texts.count', kind: 'value', value: 2, allowed: 'a string' },
  ]);
});
