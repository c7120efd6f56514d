/**
 * The embedding of the timestep, as diffusers' `get_timestep_embedding` and `TimestepEmbedding`. With t the timestep of a row, h half
 * the width of the sinusoids and s the config's `freq_shift`:
 *
 *   f_i = exp(-ln(10000) i / (h - s)),  i = 0 .. h-1        e = [sin(t f), cos(t f)]        out = W2 silu(W1 e + b1) + b2
 */

import type { Builder, Value } from '../builder.ts';
import type { Tokens } from '../layout.ts';
import { silu } from './activation.ts';
import { fixedLinear } from './linear.ts';

const MAX_PERIOD = 10_000;

export interface TimeEmbeddingOptions {
  /** Width of the sinusoids, even. */
  readonly sinusoidWidth: number;
  readonly width: number;
  /** Cosines first. */
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/** [rows] timesteps to [rows, width]. The builder stands at `time_embedding`. */
export function timeEmbedding(builder: Builder, timesteps: Value, options: TimeEmbeddingOptions): Tokens {
  const { sinusoidWidth, width, flipSinToCos } = options;
  const column = builder.node('Unsqueeze', [timesteps, builder.integers([1])], {});
  const frequencies = builder.floats(timeFrequencies(options), [1, sinusoidWidth / 2]);
  const angles = builder.node('Mul', [column, frequencies], {});
  const sin = builder.node('Sin', [angles], {});
  const cos = builder.node('Cos', [angles], {});
  const sinusoids = builder.node('Concat', flipSinToCos ? [cos, sin] : [sin, cos], { axis: 1 });
  const first = fixedLinear(builder.at('linear_1'), { value: sinusoids, width: sinusoidWidth }, width);
  return fixedLinear(builder.at('linear_2'), { value: silu(builder, first.value), width }, width);
}

/** f_i, rounded to float32 wherever torch rounds: an error in f is multiplied by a timestep of up to 999. */
function timeFrequencies(options: { readonly sinusoidWidth: number; readonly freqShift: number }): readonly number[] {
  const half = options.sinusoidWidth / 2;
  const logPeriod = Math.fround(Math.log(MAX_PERIOD));
  return Array.from({ length: half }, (_, i) =>
    Math.fround(Math.exp(Math.fround(Math.fround(-logPeriod * i) / Math.fround(half - options.freqShift)))),
  );
}
