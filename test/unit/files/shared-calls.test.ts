import { expect, test } from 'vitest';
import { sharedCalls } from '../../../src/files/shared-calls.ts';

/** Calls that are answered when the test says so. */
function playedCalls() {
  const begun: { readonly key: string; readonly answer: (value: string) => void; readonly fail: () => void }[] = [];
  const ask = sharedCalls(
    (key) =>
      new Promise<string>((answer, reject) => {
        begun.push({ key, answer, fail: () => reject(new Error(`no ${key}`)) });
      }),
  );
  return { begun, ask };
}

/** Past the end of this turn of the event loop, and of what follows from it. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('all who ask in one turn of the event loop share a call, which begins when it is over', async () => {
  const { begun, ask } = playedCalls();
  const asked = [ask('a')];
  await Promise.resolve();
  asked.push(ask('a'), ask('a'));
  expect(begun).toHaveLength(0);
  await settled();
  expect(begun).toHaveLength(1);
  begun[0]?.answer('now');
  expect(await Promise.all(asked)).toEqual(['now', 'now', 'now']);
});

test('who comes while a call is under way shares the next one, which begins afterwards', async () => {
  const { begun, ask } = playedCalls();
  const first = ask('a');
  await settled();
  const late = [ask('a'), ask('a')];
  await settled();
  late.push(ask('a'));
  expect(begun).toHaveLength(1);
  begun[0]?.answer('old');
  expect(await first).toBe('old');
  await settled();
  expect(begun).toHaveLength(2);
  begun[1]?.answer('new');
  expect(await Promise.all(late)).toEqual(['new', 'new', 'new']);
});

test('different keys do not wait for each other, and an answer is not kept', async () => {
  const { begun, ask } = playedCalls();
  const [a, b] = [ask('a'), ask('b')];
  await settled();
  expect(begun.map(({ key }) => key)).toEqual(['a', 'b']);
  begun[1]?.answer('of b');
  expect(await b).toBe('of b');
  begun[0]?.answer('of a');
  expect(await a).toBe('of a');
  void ask('a');
  await settled();
  expect(begun).toHaveLength(3);
});

test('a call that fails fails for who shared it, and the next is made all the same', async () => {
  const { begun, ask } = playedCalls();
  const first = ask('a');
  await settled();
  const late = ask('a');
  begun[0]?.fail();
  await expect(first).rejects.toThrow('no a');
  await settled();
  begun[1]?.answer('there now');
  expect(await late).toBe('there now');
});
