import type { SchedulerConfig } from './scheduler-config.ts';

const { fround } = Math;

/**
 * How much of the picture is left at each training timestep: alphaBar[t], the product of 1 - beta over the timesteps 0 to t.
 * Samplers derive everything else from it. Ho et al., DDPM (2020), section 2; arxiv.org/abs/2006.11239.
 *
 * Rounded to float32 where torch rounds, which gives diffusers' `alphas_cumprod` bit for bit: near t = 0 the noise level
 * 1 - alphaBar is a small difference, and a model has been trained with torch's. (To 4e-6 with zero terminal SNR.)
 */
export function alphaBars(config: SchedulerConfig): Float32Array {
  const trained = betas(config);
  return cumulativeProduct(config.rescaleBetasZeroSnr ? withZeroTerminalSnr(trained) : trained);
}

function cumulativeProduct(betas: Float32Array): Float32Array {
  let product = 1;
  return betas.map((beta) => {
    product *= fround(1 - beta);
    return product;
  });
}

/**
 * Shifts and stretches sqrt(alphaBar) so that the last is exactly 0 and the first stays.
 * Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), algorithm 1; arxiv.org/abs/2305.08891.
 */
function withZeroTerminalSnr(betas: Float32Array): Float32Array {
  const roots = cumulativeProduct(betas).map(Math.sqrt);
  const [first = 1, last = 0] = [roots[0], roots.at(-1)];
  const stretch = fround(first / fround(first - last));
  const rescaled = roots.map((root) => fround(fround(root - last) * stretch) ** 2);
  return rescaled.map((alphaBar, timestep) => 1 - fround(alphaBar / (rescaled[timestep - 1] ?? 1)));
}

function betas(config: SchedulerConfig): Float32Array {
  const { betaStart, betaEnd, trainTimestepCount } = config;
  switch (config.betaSchedule) {
    case 'linear':
      return linspace(betaStart, betaEnd, trainTimestepCount);
    case 'scaled_linear':
      return linspace(Math.sqrt(betaStart), Math.sqrt(betaEnd), trainTimestepCount).map((root) => root * root);
  }
}

/** `count` values from `start` to `end` in even steps, counted from the nearer end, as torch.linspace does in float32. */
function linspace(start: number, end: number, count: number): Float32Array {
  const first = fround(start);
  const last = fround(end);
  const stride = fround(fround(last - first) / (count - 1));
  return Float32Array.from({ length: count }, (_, index) =>
    index < count / 2 ? first + stride * index : last - stride * (count - 1 - index),
  );
}
