import { fitLatentColours, type LatentColours } from '../core/image/latent-preview.ts';
import { randn } from '../core/random/torch-generator.ts';
import type { Tensor } from '../core/tensor/tensor.ts';

/**
 * The colours of a checkpoint's latents for previews, fitted when the first preview is asked for by one small run of its decoder, and
 * kept. The latent that is decoded is flat in squares: what a cell's colour is among others like it, which pictures mostly are.
 */

/**
 * Tried on a trained autoencoder of 8 channels: the likeness (correlation) of the last preview to the picture is 0.86 so, 0.85 with
 * squares of one cell and 0.84 with 4 x 4 squares of four.
 */
const SIDE_SQUARES = 8;
const SQUARE_CELLS = 2;
const SEED = 0;

export function createLatentColours(
  channels: number,
  decode: (latent: Tensor, signal: AbortSignal) => Promise<Tensor>,
): (signal: AbortSignal) => Promise<LatentColours> {
  let colours: LatentColours | undefined;
  return async (signal) => {
    if (colours === undefined) {
      const latent = flatSquares(channels);
      colours = fitLatentColours(latent, await decode(latent, signal));
    }
    return colours;
  };
}

function flatSquares(channels: number): Tensor {
  const { data: drawn } = randn(SEED, [1, channels, SIDE_SQUARES, SIDE_SQUARES]);
  const side = SIDE_SQUARES * SQUARE_CELLS;
  const data = new Float32Array(channels * side * side).map((_, index) => {
    const x = Math.floor((index % side) / SQUARE_CELLS);
    const y = Math.floor((Math.floor(index / side) % side) / SQUARE_CELLS);
    const channel = Math.floor(index / (side * side));
    return drawn[(channel * SIDE_SQUARES + y) * SIDE_SQUARES + x] ?? 0;
  });
  return { data, dims: [1, channels, side, side] };
}
