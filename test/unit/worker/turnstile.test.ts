import { expect, test } from 'vitest';
import { createTurnstile } from '../../../src/worker/turnstile.ts';

const never = new AbortController().signal;

/** Enters and writes down when it is in. */
function enter(turnstile: ReturnType<typeof createTurnstile>, log: string[], name: string, alone: boolean) {
  return turnstile.enter(alone, never).then((leave) => {
    log.push(name);
    return leave;
  });
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('jobs go in side by side', async () => {
  const log: string[] = [];
  const turnstile = createTurnstile();
  await enter(turnstile, log, 'a', false);
  await enter(turnstile, log, 'b', false);
  expect(log).toEqual(['a', 'b']);
});

test('a job that must be alone waits for all inside, and is not overtaken', async () => {
  const log: string[] = [];
  const turnstile = createTurnstile();
  const leaveA = await enter(turnstile, log, 'a', false);
  const leaveB = await enter(turnstile, log, 'b', false);
  const alone = enter(turnstile, log, 'alone', true);
  const late = enter(turnstile, log, 'late', false);
  leaveA();
  await settled();
  expect(log).toEqual(['a', 'b']);
  leaveB();
  const leaveAlone = await alone;
  await settled();
  expect(log).toEqual(['a', 'b', 'alone']);
  leaveAlone();
  await late;
  expect(log).toEqual(['a', 'b', 'alone', 'late']);
});

test('two that must be alone go in one after the other', async () => {
  const log: string[] = [];
  const turnstile = createTurnstile();
  const leave = await enter(turnstile, log, 'a', true);
  const second = enter(turnstile, log, 'b', true);
  await settled();
  expect(log).toEqual(['a']);
  leave();
  await second;
  expect(log).toEqual(['a', 'b']);
});

test('one that gives up waiting lets those behind it in', async () => {
  const log: string[] = [];
  const turnstile = createTurnstile();
  await enter(turnstile, log, 'a', false);
  const patience = new AbortController();
  const alone = turnstile.enter(true, patience.signal);
  const behind = enter(turnstile, log, 'b', false);
  patience.abort(new Error('no longer wanted'));
  await expect(alone).rejects.toThrow('no longer wanted');
  await behind;
  expect(log).toEqual(['a', 'b']);
});
