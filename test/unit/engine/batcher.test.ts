import { describe, expect, test } from 'vitest';
import { createBatcher } from '../../../src/engine/batcher.ts';

/** Rows here are words: their first letter is the group, and their result is the word in capitals. */
function recordingBatcher(options: { readonly maxRows?: number; readonly failOn?: string } = {}) {
  const calls: (readonly string[])[] = [];
  const batcher = createBatcher<string, string>({
    groupOf: (row) => row[0] ?? '',
    maxRowsOf: () => options.maxRows ?? 8,
    run: async (rows) => {
      calls.push(rows);
      if (options.failOn !== undefined && rows.includes(options.failOn)) throw new Error('the call failed');
      return rows.map((row) => row.toUpperCase());
    },
  });
  return { calls, batcher };
}

const never = new AbortController().signal;

describe('what shares a call', () => {
  test('rows of one group that wait at the same moment, whoever asked', async () => {
    const { calls, batcher } = recordingBatcher();

    const results = await Promise.all([batcher.submit(['a1', 'a2'], never), batcher.submit(['a3'], never)]);

    expect(calls).toEqual([['a1', 'a2', 'a3']]);
    expect(results).toEqual([['A1', 'A2'], ['A3']]);
  });

  test('rows of other groups have calls of their own, and the results come back in order', async () => {
    const { calls, batcher } = recordingBatcher();

    const results = await batcher.submit(['a1', 'b1', 'a2'], never);

    expect(calls).toEqual([['a1', 'a2'], ['b1']]);
    expect(results).toEqual(['A1', 'B1', 'A2']);
  });

  test('no call has more rows than it may', async () => {
    const { calls, batcher } = recordingBatcher({ maxRows: 2 });

    const results = await batcher.submit(['a1', 'a2', 'a3'], never);

    expect(calls).toEqual([['a1', 'a2'], ['a3']]);
    expect(results).toEqual(['A1', 'A2', 'A3']);
  });

  test('who comes back with new rows after a call shares the next one', async () => {
    const { calls, batcher } = recordingBatcher();
    const twoSteps = async (name: string): Promise<void> => {
      await batcher.submit([`a-${name}-0`], never);
      await batcher.submit([`a-${name}-1`], never);
    };

    await Promise.all([twoSteps('x'), twoSteps('y')]);

    expect(calls).toEqual([
      ['a-x-0', 'a-y-0'],
      ['a-x-1', 'a-y-1'],
    ]);
  });
});

describe('fairness', () => {
  test('the row that has waited longest is in the next call', async () => {
    const { calls, batcher } = recordingBatcher({ maxRows: 2 });

    await Promise.all([
      batcher.submit(['a1', 'a2', 'a3', 'a4'], never),
      batcher.submit(['b1'], never),
      batcher.submit(['a5'], never),
    ]);

    expect(calls).toEqual([['a1', 'a2'], ['a3', 'a4'], ['b1'], ['a5']]);
  });
});

describe('abort', () => {
  test('a signal that is aborted already runs nothing', async () => {
    const { calls, batcher } = recordingBatcher();

    await expect(batcher.submit(['a1'], AbortSignal.abort('gone'))).rejects.toBe('gone');
    expect(calls).toEqual([]);
  });

  test('rows are dropped before their call, and others run without them', async () => {
    const { calls, batcher } = recordingBatcher();
    const abort = new AbortController();
    const leaving = batcher.submit(['a1'], abort.signal);
    const staying = batcher.submit(['a2'], never);

    abort.abort('gone');

    await expect(leaving).rejects.toBe('gone');
    await expect(staying).resolves.toEqual(['A2']);
    expect(calls).toEqual([['a2']]);
  });
});

describe('a call that fails', () => {
  test('fails those who have a row in it, and nobody else', async () => {
    const { batcher } = recordingBatcher({ failOn: 'a1' });

    const [first, second, third] = await Promise.allSettled([
      batcher.submit(['a1'], never),
      batcher.submit(['a2'], never),
      batcher.submit(['b1'], never),
    ]);

    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'the call failed' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { message: 'the call failed' } });
    expect(third).toEqual({ status: 'fulfilled', value: ['B1'] });
  });

  test('takes the rest of its request with it', async () => {
    const { calls, batcher } = recordingBatcher({ failOn: 'a1' });

    await expect(batcher.submit(['a1', 'b1'], never)).rejects.toThrow('the call failed');
    await batcher.submit(['c1'], never);

    expect(calls).toEqual([['a1'], ['c1']]);
  });

  test('leaves the batcher as it was', async () => {
    const { batcher } = recordingBatcher({ failOn: 'a1' });

    await expect(batcher.submit(['a1'], never)).rejects.toThrow('the call failed');
    await expect(batcher.submit(['a2'], never)).resolves.toEqual(['A2']);
  });
});

test('no rows need no call', async () => {
  const { calls, batcher } = recordingBatcher();

  await expect(batcher.submit([], never)).resolves.toEqual([]);
  expect(calls).toEqual([]);
});
