import { describe, expect, test } from 'vitest';
import { randn } from '../../src/core/random/torch-generator.ts';
import { goldenJson, goldenTensors } from '../support/golden-data.ts';

/** Against torch.randn on the CPU: every bit. The manifest names torch's version and CPU capability. */

interface NoiseCase {
  readonly seed: number;
  readonly shape: readonly number[];
  readonly tensor: string;
}

const { noise } = goldenJson('manifest.json') as { noise: { cases: readonly NoiseCase[] } };
const expected = goldenTensors('noise.safetensors');

describe('noise has the bits of torch.randn', () => {
  test.each(noise.cases.map((entry) => [entry.seed, entry.shape.join('x'), entry] as const))(
    'for seed %i and shape %s',
    (_seed, _shape, { seed, shape, tensor }) => {
      const drawn = randn(seed, shape);

      expect(drawn.dims).toEqual(shape);
      expect(bits(drawn.data)).toEqual(bits(expected(tensor).data));
    },
  );

  test('and the reference has 6 seeds and 6 shapes', () => {
    expect(noise.cases).toHaveLength(36);
  });
});

/** Bits and not values, so that 0 and -0 differ. */
function bits(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}
