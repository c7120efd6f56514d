import type { Tensor } from '../../src/core/tensor/tensor.ts';

/**
 * A latent [1, 4, side, side] whose high band is what is asked for, 0 to 1: a constant and a single point. The point's spectrum is the
 * same at every frequency, and the constant adds to frequency 0 alone, so that each bin is that share of the largest.
 */
export function latentOfBand(band: number, side: number): Tensor {
  const cells = side * side;
  const flat = (1 - Math.abs(band)) / cells;
  const data = new Float32Array(4 * cells).fill(flat);
  for (let channel = 0; channel < 4; channel++) data[channel * cells] = flat + Math.abs(band);
  return { dims: [1, 4, side, side], data };
}
