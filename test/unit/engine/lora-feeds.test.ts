import { describe, expect, test } from 'vitest';
import type { Adapter } from '../../../src/core/lora/adapter.ts';
import type { LoraTarget } from '../../../src/core/lora/target.ts';
import { createLoraFeeds, setKey } from '../../../src/engine/lora-feeds.ts';

const target = (module: string): LoraTarget => ({ component: 'unet', module, inputWidth: 2, outputWidth: 3 });
const GRAPH = { name: 'U-Net', component: 'unet', loraTargets: [target('one'), target('two')] } as const;

function adapter(sha256: string, ranks: Readonly<Record<string, number>>): Adapter {
  const factors = Object.entries(ranks).map(([module, rank]) => {
    const a = new Float32Array(2 * rank).fill(1);
    const b = new Float32Array(rank * 3).fill(2);
    return [module, { rank, a, b }] as const;
  });
  return { sha256, factors: { unet: new Map(factors), text_encoder: new Map() } };
}

const ADAPTERS = new Map(
  [adapter('small', { one: 4 }), adapter('both', { one: 4, two: 4 }), adapter('large', { one: 12 })].map((lora) => [
    lora.sha256,
    lora,
  ]),
);

function feeds(maxBytes = 1e6) {
  const asked: string[] = [];
  const loraFeeds = createLoraFeeds({
    maxBytes,
    adapterOf: (sha256) => {
      asked.push(sha256);
      const found = ADAPTERS.get(sha256);
      if (found === undefined) throw new Error(`no ${sha256}`);
      return found;
    },
  });
  return { asked, loraFeeds };
}

const use = (adapterName: string, weight = 1) => [{ adapter: adapterName, weight }];

describe('the factors of a call', () => {
  test('are fed to every layer of the graph, with rank 0 where no set touches it', () => {
    const fed = feeds().loraFeeds.feedsFor(GRAPH, [use('small')]);

    expect([...fed].map(([name, { dims }]) => [name, dims])).toEqual([
      ['one.lora_A', [1, 2, 8]],
      ['one.lora_B', [1, 8, 3]],
      ['two.lora_A', [1, 2, 0]],
      ['two.lora_B', [1, 0, 3]],
    ]);
  });

  test('have one entry for each set, in order', () => {
    const fed = feeds().loraFeeds.feedsFor(GRAPH, [use('small'), use('both', 0.5)]);

    expect(fed.get('one.lora_B')?.dims).toEqual([2, 8, 3]);
    expect([...(fed.get('one.lora_B')?.data ?? [])]).toEqual(
      [2, 0, 1, 0].flatMap((value) => new Array<number>(12).fill(value)),
    );
  });

  test('of the plain model are empty', () => {
    const fed = feeds().loraFeeds.feedsFor(GRAPH, [[]]);

    expect([...fed.values()].every(({ data }) => data.length === 0)).toBe(true);
  });

  test('are made once and kept, and are another thing at another weight', () => {
    const { loraFeeds } = feeds();
    const first = loraFeeds.feedsFor(GRAPH, [use('small')]);

    expect(loraFeeds.feedsFor(GRAPH, [use('small')])).toBe(first);
    expect(loraFeeds.feedsFor(GRAPH, [use('small', 0.5)])).not.toBe(first);
    expect(loraFeeds.feedsFor({ ...GRAPH, name: 'reuse' }, [use('small')])).not.toBe(first);
  });

  test('are forgotten, the least recently used first, when the room is needed', () => {
    const bytesOfOne = 4 * (2 * 8 + 8 * 3);
    const { loraFeeds } = feeds(2 * bytesOfOne);
    const [first, second] = [use('small', 1), use('small', 2)].map((set) => loraFeeds.feedsFor(GRAPH, [set]));
    loraFeeds.feedsFor(GRAPH, [use('small', 1)]);

    loraFeeds.feedsFor(GRAPH, [use('small', 3)]);

    expect(loraFeeds.feedsFor(GRAPH, [use('small', 1)])).toBe(first);
    expect(loraFeeds.feedsFor(GRAPH, [use('small', 2)])).not.toBe(second);
  });
});

test('a bucket is that of the whole set, and sets of two buckets never meet', () => {
  const { loraFeeds } = feeds();

  expect(loraFeeds.bucketOf([], 'unet')).toBe(0);
  expect(loraFeeds.bucketOf([...use('small'), ...use('both')], 'unet')).toBe(8);
  expect(loraFeeds.bucketOf(use('large'), 'unet')).toBe(16);
  expect(loraFeeds.bucketOf(use('large'), 'text_encoder')).toBe(0);
  expect(() => loraFeeds.feedsFor(GRAPH, [use('small'), use('large')])).toThrow('sets of ranks 8 and 16');
});

test('a set is the same only with the same LoRAs at the same weights in the same order', () => {
  const keys = [use('a'), use('a', 0.5), [...use('a'), ...use('b')], [...use('b'), ...use('a')], []].map(setKey);

  expect(new Set(keys).size).toBe(keys.length);
});
