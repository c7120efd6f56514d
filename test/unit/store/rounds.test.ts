import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepRounds } from '../../../src/store/rounds.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a round begins a pause after the one before it has ended, and none begins meanwhile', async () => {
  const ends: (() => void)[] = [];
  const stop = keepRounds(
    () => new Promise((resolve) => ends.push(resolve)),
    () => 100,
  );
  await vi.advanceTimersByTimeAsync(1000);
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await vi.advanceTimersByTimeAsync(99);
  expect(ends).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toHaveLength(2);
  ends[1]?.();
  await stop();
});

test('to stop is to wait for the round that runs, and no other begins', async () => {
  const ends: (() => void)[] = [];
  const stop = keepRounds(
    () => new Promise((resolve) => ends.push(resolve)),
    () => 100,
  );
  await vi.advanceTimersByTimeAsync(100);
  let isStopped = false;
  const stopping = stop().then(() => {
    isStopped = true;
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(isStopped).toBe(false);
  ends[0]?.();
  await stopping;
  await vi.advanceTimersByTimeAsync(1000);
  expect(ends).toHaveLength(1);
});
