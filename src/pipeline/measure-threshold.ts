import { PROFILE_DEFAULTS } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { highBandOfLatent } from '../core/frequency/high-band.ts';
import { randn } from '../core/random/torch-generator.ts';
import { createPainter } from './painter.ts';
import type { BaseMedianQuery, EnginePorts } from './ports.ts';

/**
 * The threshold of cmlora's online mode: the plain model's own median of the latent's high band at the noise of `phase_at` (cmlora.md,
 * A.5). It hangs on the noise above all, so it is measured for that noise and no constant: on pictures that the plain model draws, at
 * the request's size and guidance. The engine keeps what it has measured.
 */

/** The request with its threshold found, where its method wants one. */
export async function withThreshold(
  request: ResolvedRequest,
  model: ModelDescriptor,
  ports: Pick<EnginePorts, 'baseMedian'>,
  signal: AbortSignal,
): Promise<ResolvedRequest> {
  const { composition, loras, width, height, guidance_scale: guidanceScale } = request;
  const hasSets = new Set(loras.map((lora) => lora.frequency_class)).size === 2;
  if (composition.method !== 'cmlora' || composition.mode === 'offline' || !hasSets) return request;
  if (composition.threshold !== null || composition.direction === 'interleaved') return request;
  const timestep = (1 - composition.phase_at) * model.scheduler.trainTimestepCount;
  const threshold = await ports.baseMedian({ width, height, guidanceScale, timestep }, signal);
  return { ...request, composition: { ...composition, threshold } };
}

/**
 * Less than for a profile, because a median of one statistic needs less, and somebody waits for it: four prompts, two seeds, and half
 * as many steps, between which it is interpolated.
 */
const SEEDS = [0, 1];
const STEPS = 10;

/** Draws the pictures one after another, down to the timestep. The same query gives the same number on the same device. */
export async function measureBaseMedian(
  { width, height, guidanceScale, timestep }: BaseMedianQuery,
  model: ModelDescriptor,
  ports: Pick<EnginePorts, 'tokenize' | 'encodeText' | 'predict'>,
  signal: AbortSignal,
): Promise<number> {
  const studio = { ports, scheduler: model.scheduler, steps: STEPS, guidanceScale, signal };
  const dims = [1, model.latentChannels, height / model.latentScale, width / model.latentScale];
  const bands: number[] = [];
  for (const prompt of PROFILE_DEFAULTS.prompts) {
    const painter = await createPainter(studio, prompt, []);
    for (const seed of SEEDS) bands.push(await bandAt(timestep, painter.draw(randn(seed, dims))));
  }
  return median(bands);
}

type Drawing = ReturnType<Awaited<ReturnType<typeof createPainter>>['draw']>;

/** The high band at a timestep between two that the trajectory has: on the line between theirs. */
async function bandAt(timestep: number, drawing: Drawing): Promise<number> {
  let before: { readonly timestep: number; readonly band: number } | undefined;
  for await (const { call } of drawing) {
    const here = { timestep: call.evaluation.timestep, band: highBandOfLatent(call.input, 'raw') };
    if (here.timestep <= timestep) {
      if (before === undefined) return here.band;
      const share = (before.timestep - timestep) / (before.timestep - here.timestep);
      return before.band + share * (here.band - before.band);
    }
    before = here;
  }
  return before?.band ?? Number.NaN;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const [below = Number.NaN, above = Number.NaN] = [sorted.length / 2 - 0.5, sorted.length / 2].map(
    (place) => sorted[Math.floor(place)],
  );
  return (below + above) / 2;
}
