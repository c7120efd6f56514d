import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonToStruct, structToJson } from '../../../src/grpc/struct.ts';

/** JSON objects as a request could hold them, keys such as `__proto__` included. -0 is 0 in JSON. */
const object = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value)));

test('a JSON object always comes back from a Struct as it went in', () => {
  fc.assert(
    fc.property(object, (json) => {
      expect(structToJson(jsonToStruct(json))).toEqual(json);
    }),
  );
});

test('a key named __proto__ is a key and never a prototype', () => {
  const json = structToJson({ fields: { ['__proto__']: { structValue: { fields: { admin: { boolValue: true } } } } } });
  expect(Object.keys(json)).toEqual(['__proto__']);
  expect('admin' in json).toBe(false);
});
