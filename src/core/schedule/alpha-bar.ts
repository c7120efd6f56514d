import type { SchedulerConfig } from './scheduler-config.ts';

/**
 * How much of the picture is left at each training timestep: alphaBar[t], the product of 1 - beta over the timesteps 0 to t.
 * Samplers derive everything else from it. Ho et al., DDPM (2020), section 2; arxiv.org/abs/2006.11239.
 *
 * Rounded to float32 where torch rounds, which gives diffusers' `alphas_cumprod` bit for bit: near t = 0 the noise level
 * 1 - alphaBar is a small difference, and a model has been trained with torch's.
 */
export function alphaBars(config: SchedulerConfig): Float32Array {
  const { fround } = Math;
  const result = new Float32Array(config.trainTimestepCount);
  let product = 1;
  for (const [timestep, beta] of betas(config).entries()) {
    product *= fround(1 - beta);
    result[timestep] = product;
  }
  return result;
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
  const { fround } = Math;
  const first = fround(start);
  const last = fround(end);
  const stride = fround(fround(last - first) / (count - 1));
  return Float32Array.from({ length: count }, (_, index) =>
    index < count / 2 ? first + stride * index : last - stride * (count - 1 - index),
  );
}
