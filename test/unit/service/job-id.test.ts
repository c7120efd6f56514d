import { expect, test } from 'vitest';
import { isJobId, makeJobId, RANDOM_BYTES } from '../../../src/service/job-id.ts';

const bytes = (value: number) => new Uint8Array(RANDOM_BYTES).fill(value);

test('ids sort by the time at which they were made', () => {
  const times = [0, 1, 31, 32, 1_795_511_526_832, 1_795_511_526_833, 2 ** 48];
  const ids = times.map((time, index) => makeJobId(time, bytes(255 - index)));
  expect([...ids].sort()).toEqual(ids);
});

test('every id is one, of 26 characters, without a colon', () => {
  for (let value = 0; value < 256; value++) {
    const id = makeJobId(1_795_511_526_832, bytes(value));
    expect(id).toMatch(/^[0-9a-z]{26}$/);
    expect(isJobId(id)).toBe(true);
  }
});

test('every random byte counts', () => {
  const ids = Array.from({ length: RANDOM_BYTES }, (_, at) => makeJobId(0, bytes(0).with(at, 1)));
  expect(new Set([...ids, makeJobId(0, bytes(0))]).size).toBe(RANDOM_BYTES + 1);
});

test('what leads elsewhere is no id', () => {
  for (const text of ['', 'x', '../x', `${'0'.repeat(25)}:`, 'I'.repeat(26), '0'.repeat(27), `${'0'.repeat(26)}\n`]) {
    expect(isJobId(text)).toBe(false);
  }
});
