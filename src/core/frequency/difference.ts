import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Plane } from './fft2d.ts';
import { highBandShare } from './high-band.ts';
import { radialEnergy } from './radial-profile.ts';

/**
 * What a LoRA changes in an estimate of the clean picture, as numbers (cmlora.md A.5): D = with - without, how fine it is and how
 * large. Works on latents and on decoded planes alike.
 */

export interface DifferenceMeasures {
  /** Class score: the share of D's spectral energy in the high band, mean removed, channels summed. 0 to 1. */
  readonly score: number;
  /** ||D|| / ||without||: how much, whatever its frequency. */
  readonly strength: number;
  /** The share of D's energy at each radius from 0 to Rmax. Radius 0, the mean, is 0; the others sum to 1. */
  readonly spectrum: Float64Array;
}

/** A change that is smaller than this, beside the whole, is float32's rounding. */
const ROUNDING = 1e-6;

/** Of two tensors [1, channels, height, width]; null where nothing changes but the mean, or a value is no number: no spectrum. */
export function measureDifference(changed: Tensor, base: Tensor): DifferenceMeasures | null {
  assert(changed.dims.join() === base.dims.join(), `a difference of shapes [${changed.dims}] and [${base.dims}]`);
  const difference = { data: changed.data.map((value, index) => value - (base.data[index] ?? 0)), dims: base.dims };
  const energy = planesOf(difference).map(radialEnergy).reduce(add);
  energy[0] = 0;
  const total = energy.reduce((sum, value) => sum + value, 0);
  const size = (base.dims[2] ?? 0) * (base.dims[3] ?? 0);
  if (!(Math.sqrt(total / size) > ROUNDING * norm(base.data) && Number.isFinite(total))) return null;
  return {
    score: highBandShare(energy),
    strength: norm(difference.data) / norm(base.data),
    spectrum: energy.map((value) => value / total),
  };
}

/** The channels of [1, channels, height, width]. */
export function planesOf({ data, dims }: Tensor): readonly Plane[] {
  const [batch, channels = 0, height = 0, width = 0] = dims;
  assert(batch === 1 && dims.length === 4, `planes are [${dims}]; must be [1, channels, height, width]`);
  const size = height * width;
  return Array.from({ length: channels }, (_, channel) => ({
    height,
    width,
    values: data.subarray(channel * size, (channel + 1) * size),
  }));
}

function add(one: Float64Array, other: Float64Array): Float64Array {
  return one.map((value, index) => value + (other[index] ?? 0));
}

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
