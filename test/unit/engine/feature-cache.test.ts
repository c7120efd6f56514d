import { expect, test } from 'vitest';
import { createFeatureCache } from '../../../src/engine/feature-cache.ts';

const feature = (value: number) => ({ data: Float32Array.of(value, value), dims: [1, 2] });
const FEATURE_BYTES = 8;

test('a feature comes back as it was stored, and the last one stored under a key counts', () => {
  const cache = createFeatureCache(100);

  cache.put('job/0/a', feature(1));
  cache.put('job/0/a', feature(2));

  expect(cache.get('job/0/a')).toEqual(feature(2));
  expect(cache.bytes()).toBe(FEATURE_BYTES);
});

test('dropping by prefix forgets that prefix alone and gives its bytes back', () => {
  const cache = createFeatureCache(100);
  cache.put('job/0/a', feature(1));
  cache.put('job/1/a', feature(2));

  cache.dropByPrefix('job/0/');

  expect(cache.count()).toBe(1);
  expect(cache.bytes()).toBe(FEATURE_BYTES);
  expect(() => cache.get('job/0/a')).toThrow('job/0/a');
});

test('what would pass the bound is refused with the numbers and a way out, and nothing is lost', () => {
  const cache = createFeatureCache(FEATURE_BYTES);
  cache.put('a', feature(1));

  expect(() => cache.put('b', feature(2))).toThrow(
    'the feature cache holds 8 bytes and 8 more would pass its bound of 8; run fewer jobs at a time',
  );
  expect(cache.get('a')).toEqual(feature(1));
  cache.put('a', feature(3));
  expect(cache.get('a')).toEqual(feature(3));
});
