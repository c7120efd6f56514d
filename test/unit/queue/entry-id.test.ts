import { expect, test } from 'vitest';
import { FIRST_ENTRY, isAfter, isEntryId } from '../../../src/queue/entry-id.ts';

test('ids are compared as numbers, first by time and then by sequence', () => {
  expect(isAfter('10-0', '9-5')).toBe(true);
  expect(isAfter('9-10', '9-9')).toBe(true);
  expect(isAfter('9-9', '9-9')).toBe(false);
  expect(isAfter('8-99', '9-0')).toBe(false);
  expect(isAfter('0-1', FIRST_ENTRY)).toBe(true);
});

test('only what Redis could have made is an id', () => {
  expect(isEntryId('1795511526832-0')).toBe(true);
  for (const text of ['', '$', '5', '5-', '-5', '5-5-5', ' 5-5', `${'9'.repeat(20)}-0`])
    expect(isEntryId(text)).toBe(false);
});
