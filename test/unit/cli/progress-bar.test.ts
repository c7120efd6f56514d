import { expect, test } from 'vitest';
import { barLine, createProgressBar } from '../../../src/cli/progress-bar.ts';

test('a bar shows how much is done, how fast it goes and what is left', () => {
  expect(barLine({ label: 'drawing', done: 30, total: 120 }, { done: 10, ms: 20_000 })).toBe(
    'drawing [######..................] 30/120, 0.50/s, 3 min left',
  );
  expect(barLine({ label: 'drawing', done: 0, total: 5000 }, { done: 0, ms: 0 })).toBe(
    'drawing [........................] 0/5000',
  );
  expect(barLine({ label: 'x', done: 100, total: 10_000 }, { done: 100, ms: 100_000 })).toContain('2 h 45 min left');
});

function bar(isTerminal: boolean) {
  const written: string[] = [];
  let ms = 0;
  const made = createProgressBar({ write: (text) => written.push(text), now: () => ms, isTerminal });
  return { written, made, wait: (more: number) => (ms += more) };
}

test('on a terminal one line is written over, not more often than an eye sees', () => {
  const { written, made, wait } = bar(true);
  made.show({ label: 'drawing', done: 40, total: 100 });
  made.show({ label: 'drawing', done: 41, total: 100 });
  wait(1000);
  made.show({ label: 'drawing', done: 42, total: 100 });
  made.finish();
  made.finish();
  // Two pictures in a second: the forty that were there before do not count.
  expect(written).toEqual([
    '\r\u001b[Kdrawing [#########...............] 40/100',
    '\r\u001b[Kdrawing [##########..............] 42/100, 2.00/s, 29 s left',
    '\n',
  ]);
});

test('in a log there is a line now and then', () => {
  const { written, made, wait } = bar(false);
  for (let done = 0; done < 100; done++) {
    made.show({ label: 'drawing', done, total: 100 });
    wait(1000);
  }
  made.finish();
  expect(written).toHaveLength(7);
  expect(written.at(-1)).toMatch(/^drawing \[.*\] 90\/100, 1\.00\/s, 10 s left\n$/);
});
