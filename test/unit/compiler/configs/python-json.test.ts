import { expect, test } from 'vitest';
import { parsePythonJson } from '../../../../src/compiler/configs/python-json.ts';

test('numbers that only Python writes are read by their names', () => {
  expect(parsePythonJson('{"a": -Infinity, "b": [Infinity, NaN], "c": 1}')).toEqual({
    a: '-Infinity',
    b: ['Infinity', 'NaN'],
    c: 1,
  });
});

test('the same words in a string are left alone', () => {
  const value = { text: 'to \\ "-Infinity" and NaN', '-Infinity': 'key' };
  expect(parsePythonJson(JSON.stringify(value))).toEqual(value);
});

test('what is no JSON otherwise is refused as ever', () => {
  expect(() => parsePythonJson('{"a": nan}')).toThrow(SyntaxError);
  expect(() => parsePythonJson('{"a": "b')).toThrow(SyntaxError);
});
