import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRightOfWay } from '../../../src/engine/right-of-way.ts';

const never = new AbortController().signal;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Whether the background has been let through, as it goes. */
function waits(promise: Promise<void>): { isThrough: boolean } {
  const state = { isThrough: false };
  promise.then(
    () => {
      state.isThrough = true;
    },
    () => {},
  );
  return state;
}

test('the background goes at once where nobody waits', async () => {
  const way = createRightOfWay(1000);
  await way.giveWay(never);
  way.take()();
  await way.giveWay(never);
});

test('the background waits until the last that somebody waits for has ended', async () => {
  const way = createRightOfWay(1000);
  const [one, other] = [way.take(), way.take()];
  const background = waits(way.giveWay(never));
  one();
  one();
  await vi.advanceTimersByTimeAsync(500);
  expect(background.isThrough).toBe(false);
  other();
  await vi.advanceTimersByTimeAsync(0);
  expect(background.isThrough).toBe(true);
});

test('the background makes one call now and then where somebody always waits', async () => {
  const way = createRightOfWay(1000);
  way.take();
  const first = waits(way.giveWay(never));
  await vi.advanceTimersByTimeAsync(1000);
  const second = waits(way.giveWay(never));
  expect([first.isThrough, second.isThrough]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(second.isThrough).toBe(true);
});

test('an abort ends the wait with its reason', async () => {
  const way = createRightOfWay(1000);
  way.take();
  const abort = new AbortController();
  const background = way.giveWay(abort.signal);
  abort.abort(new Error('enough'));
  await expect(background).rejects.toThrow('enough');
  await expect(way.giveWay(abort.signal)).rejects.toThrow('enough');
  expect(vi.getTimerCount()).toBe(0);
});
