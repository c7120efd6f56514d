import { expect, test } from 'vitest';
import type { Adapter } from '../../../src/core/lora/adapter.ts';
import { createAdapterCache } from '../../../src/engine/adapter-cache.ts';

const ADAPTER_BYTES = 8;

function adapter(sha256: string): Adapter {
  const factors = { rank: 1, a: Float32Array.of(1), b: Float32Array.of(1) };
  return { sha256, factors: { unet: new Map([['layer', factors]]), text_encoder: new Map() } };
}

function recordingCache(maxBytes: number) {
  const loads: string[] = [];
  const evicted: string[] = [];
  const cache = createAdapterCache({
    maxBytes,
    onEvict: (sha256) => evicted.push(sha256),
    load: async ({ sha256 }) => {
      loads.push(sha256);
      if (sha256 === 'bad') throw new Error('not a LoRA');
      return adapter(sha256);
    },
  });
  return { loads, evicted, cache };
}

const lora = (sha256: string) => ({ id: `id of ${sha256}`, sha256 });

test('what is loaded stays for the next request', async () => {
  const { loads, cache } = recordingCache(100);

  const release = await cache.acquire([lora('a'), lora('b')]);
  expect(cache.get('a').sha256).toBe('a');
  release();
  await cache.acquire([lora('a')]);

  expect(loads).toEqual(['a', 'b']);
  expect(cache.leased()).toBe(1);
});

test('two requests that want one file at the same moment load it once', async () => {
  const { loads, cache } = recordingCache(100);

  await Promise.all([cache.acquire([lora('a')]), cache.acquire([lora('a')])]);

  expect(loads).toEqual(['a']);
  expect(cache.bytes()).toBe(ADAPTER_BYTES);
});

test('room is made by forgetting what was used longest ago and nobody leases', async () => {
  const { loads, evicted, cache } = recordingCache(2 * ADAPTER_BYTES);
  (await cache.acquire([lora('a'), lora('b')]))();
  (await cache.acquire([lora('a')]))();

  await cache.acquire([lora('c')]);
  await cache.acquire([lora('a')]);

  expect(loads).toEqual(['a', 'b', 'c']);
  expect(evicted).toEqual(['b']);
  expect(cache.bytes()).toBe(2 * ADAPTER_BYTES);
});

test('what is leased is never forgotten: the bound refuses the newcomer', async () => {
  const { cache } = recordingCache(ADAPTER_BYTES);
  await cache.acquire([lora('a')]);

  await expect(cache.acquire([lora('b')])).rejects.toThrow('the LoRAs in use hold 8 bytes and 8 more');
  expect(cache.get('a').sha256).toBe('a');
});

test('a request that cannot have all holds none', async () => {
  const { cache } = recordingCache(100);

  await expect(cache.acquire([lora('a'), lora('bad')])).rejects.toThrow('not a LoRA');

  expect(cache.leased()).toBe(0);
});

test('releasing twice counts once', async () => {
  const { cache } = recordingCache(100);
  const release = await cache.acquire([lora('a')]);
  await cache.acquire([lora('a')]);

  release();
  release();

  expect(cache.leased()).toBe(1);
});

test('using an adapter without a lease is a programmer error', () => {
  const { cache } = recordingCache(100);

  expect(() => cache.get('a')).toThrow('LoRA a is used without a lease');
});
