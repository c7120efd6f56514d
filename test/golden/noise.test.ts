import { describe, expect, test } from 'vitest';
import { randn, torchGenerator } from '../../src/core/random/torch-generator.ts';
import { goldenJson, goldenTensors } from '../support/golden-data.ts';

/** Against torch.randn on the CPU: every bit. The manifest names torch's version and CPU capability. */

interface NoiseCase {
  readonly seed: number;
  readonly shape: readonly number[];
  readonly tensor: string;
}

/** Draws in a row from one generator. */
interface NoiseStream {
  readonly seed: number;
  readonly shapes: readonly (readonly number[])[];
  readonly tensors: readonly string[];
}

const { noise } = goldenJson('manifest.json') as {
  noise: { cases: readonly NoiseCase[]; streams: readonly NoiseStream[] };
};
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

  test.each(noise.streams.map((stream) => [stream.seed, stream.shapes.join(' then '), stream] as const))(
    'for seed %i and the draws %s in a row',
    (_seed, _shapes, { seed, shapes, tensors }) => {
      const draw = torchGenerator(seed);
      for (const [index, tensor] of tensors.entries()) {
        expect(bits(draw(shapes[index] ?? []).data)).toEqual(bits(expected(tensor).data));
      }
    },
  );

  test('and the reference has 6 seeds, 6 shapes and 4 streams', () => {
    expect(noise.cases).toHaveLength(36);
    expect(noise.streams).toHaveLength(4);
  });
});

/** Bits and not values, so that 0 and -0 differ. */
function bits(data: Float32Array): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
}
