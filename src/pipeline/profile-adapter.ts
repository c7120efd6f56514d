import type { HighBandChange, LoraProfile, NoiseLevel, ProfileSettings } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { measureDifference } from '../core/frequency/difference.ts';
import { highBandOfLatent, highBandOfPicture } from '../core/frequency/high-band.ts';
import { type Measurement, summarize } from '../core/frequency/profile.ts';
import { rgbFromPlanes } from '../core/image/planes-to-rgb.ts';
import { InputError } from '../core/problem.ts';
import { randn } from '../core/random/torch-generator.ts';
import type { SamplerCall } from '../core/samplers/sampler.ts';
import { estimates } from '../core/schedule/prediction.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import { createPainter, type Painter } from './painter.ts';
import type { EnginePorts } from './ports.ts';

/**
 * Measures LoRAs: how fine, and how strong, is what each changes (cmlora.md A.5). For each prompt and seed the base model draws a
 * picture; at a few noise levels of that trajectory, on the very same noisy latent, the LoRA is asked too, and the two estimates of
 * the clean picture are compared, as latents and decoded. Beside it the LoRA draws a picture alone, for the authors' statistics.
 *
 * The noisy latents are those of the base model's own trajectories, and not noised pictures: no data set is needed, the model is
 * asked about latents such as it meets when it draws, and they are the same for every LoRA, so that scores can be compared. Each
 * LoRA has its calls for itself, so its profile does not depend on which others are measured with it.
 */

export interface ProfileOptions {
  readonly loras: readonly ProfiledLora[];
  readonly settings: ProfileSettings;
  readonly model: ModelDescriptor;
  readonly ports: EnginePorts;
  readonly signal: AbortSignal;
}

export interface ProfiledLora {
  readonly id: string;
  readonly sha256: string;
}

/** Evaluations of the model, of all that there will be. */
export interface ProfileProgress {
  readonly done: number;
  readonly total: number;
}

/**
 * Yields progress after each evaluation and returns the profiles, in the order of the LoRAs. Throws the signal's reason once it is
 * aborted, and an InputError for a LoRA that changes nothing or a prompt that is too long. Whatever way it ends, the lease is given
 * back.
 */
export async function* profileAdapters(
  options: ProfileOptions,
): AsyncGenerator<ProfileProgress, readonly LoraProfile[], void> {
  const { loras, settings, ports, signal } = options;
  const { prompts, seeds, steps, level_count: levelCount } = settings;
  const total = prompts.length * seeds.length * (steps + loras.length * (levelCount + steps));
  let done = 0;

  const lease = await ports.acquireAdapters(loras, signal);
  try {
    const base: Drawing[] = [];
    const findings = loras.map((lora): Findings => ({ lora, latent: [], pixel: [], drawings: [] }));
    let noiseLevels: readonly NoiseLevel[] = [];
    for (const prompt of prompts) {
      const plain = await painterOf(options, prompt);
      const painters = await inTurn(loras, (lora) => painterOf(options, prompt, lora));
      for (const [index, seed] of seeds.entries()) {
        const half = index < seeds.length / 2 ? 0 : 1;
        const levels: Level[] = [];
        base.push(yield* counted(draw(options, { painter: plain, seed, levels })));
        noiseLevels = levels.map(noiseLevelOf);
        for (const [which, found] of findings.entries()) {
          const painter = painters[which] ?? plain;
          yield* counted(compare(options, found, { painter, levels, half }));
          found.drawings.push(yield* counted(draw(options, { painter, seed })));
        }
      }
    }
    return findings.map((found) => profileOf(options, found, { base, noiseLevels }));
  } finally {
    lease.release();
  }

  async function* counted<T>(work: AsyncGenerator<void, T, void>): AsyncGenerator<ProfileProgress, T, void> {
    for (;;) {
      const next = await work.next();
      if (next.done) return next.value;
      done += 1;
      yield { done, total };
    }
  }
}

/** What has been measured of a LoRA so far. */
interface Findings {
  readonly lora: ProfiledLora;
  readonly latent: Measurement[];
  readonly pixel: Measurement[];
  readonly drawings: Drawing[];
}

/** One picture, drawn from noise to the end. */
interface Drawing {
  /** The high band of the latent at the start and after each interval. */
  readonly bands: { readonly raw: readonly number[]; readonly log: readonly number[] };
  /** The high band of the finished picture. */
  readonly picture: number;
}

/** A noisy latent of a trajectory, and the clean picture that the model makes out in it: a latent, and decoded. */
interface Level {
  readonly call: SamplerCall;
  readonly latent: Tensor;
  readonly planes: Tensor;
}

/** `levels`, where it is given, takes what the painter makes out at each noise level. */
async function* draw(
  options: ProfileOptions,
  { painter, seed, levels }: { readonly painter: Painter; readonly seed: number; readonly levels?: Level[] },
): AsyncGenerator<void, Drawing, void> {
  const { settings, model, ports, signal } = options;
  const measuredAt = levelIndices(settings);
  const latents: Tensor[] = [];
  const trajectory = painter.draw(randn(seed, latentDims(settings, model)));
  let next = await trajectory.next();
  while (!next.done) {
    const { call, output } = next.value;
    if (call.evaluation.step % settings.interval === 0) latents.push(call.input);
    if (measuredAt.has(call.evaluation.step)) levels?.push(await levelOf(options, call, output));
    yield;
    next = await trajectory.next();
  }
  if (settings.steps % settings.interval === 0) latents.push(next.value);
  const bands = {
    raw: latents.map((latent) => highBandOfLatent(latent, 'raw')),
    log: latents.map((latent) => highBandOfLatent(latent, 'log')),
  };
  return { bands, picture: highBandOfPicture(rgbFromPlanes(await ports.decode(next.value, signal))) };
}

async function* compare(
  options: ProfileOptions,
  found: Findings,
  { painter, levels, half }: { readonly painter: Painter; readonly levels: readonly Level[]; readonly half: 0 | 1 },
): AsyncGenerator<void, void, void> {
  for (const [level, base] of levels.entries()) {
    const changed = await levelOf(options, base.call, await painter.look(base.call));
    for (const space of ['latent', 'pixel'] as const) {
      const field = space === 'latent' ? 'latent' : 'planes';
      const measures = measureDifference(changed[field], base[field]);
      if (measures === null) throw unmeasurable(found.lora, base.call);
      found[space].push({ ...measures, level, half });
    }
    yield;
  }
}

async function levelOf({ model, ports, signal }: ProfileOptions, call: SamplerCall, output: Tensor): Promise<Level> {
  const { x0: latent } = estimates(model.scheduler.predictionType, call, output);
  return { call, latent, planes: await ports.decode(latent, signal) };
}

function profileOf(
  { settings, model }: ProfileOptions,
  { lora, latent, pixel, drawings }: Findings,
  { base, noiseLevels }: { readonly base: readonly Drawing[]; readonly noiseLevels: readonly NoiseLevel[] },
): LoraProfile {
  return {
    model_sha256: model.sha256,
    lora_sha256: lora.sha256,
    settings,
    noise_levels: noiseLevels,
    latent: summarize(latent, settings.level_count),
    pixel: summarize(pixel, settings.level_count),
    paper: {
      picture: mean(drawings.map(({ picture }) => picture)),
      base_picture: mean(base.map(({ picture }) => picture)),
      change: meanChange(drawings),
      base_change: meanChange(base),
    },
  };
}

function noiseLevelOf({ call }: Level): NoiseLevel {
  return { timestep: call.evaluation.timestep, alpha_bar: call.alphaBar };
}

/** Delta H(x_t; z) = H(x_t) - H(x_{t-z}), z steps apart (cmlora.md A.3), averaged over pictures. */
function meanChange(drawings: readonly Drawing[]): HighBandChange {
  const changeOf = (amplitude: 'raw' | 'log'): readonly number[] => {
    const bands = drawings.map((drawing) => drawing.bands[amplitude]);
    const averages = (bands[0] ?? []).map((_, index) => mean(bands.map((band) => band[index] ?? 0)));
    return averages.slice(1).map((after, index) => after - (averages[index] ?? 0));
  };
  return { raw: changeOf('raw'), log: changeOf('log') };
}

/** The steps at which the levels lie: the middles of as many equal parts of the trajectory. */
function levelIndices({ level_count: count, steps }: ProfileSettings): ReadonlySet<number> {
  return new Set(Array.from({ length: count }, (_, level) => Math.floor(((level + 0.5) / count) * steps)));
}

function latentDims({ height, width }: ProfileSettings, model: ModelDescriptor): readonly number[] {
  return [1, model.latentChannels, height / model.latentScale, width / model.latentScale];
}

function painterOf(options: ProfileOptions, prompt: string, lora?: ProfiledLora): Promise<Painter> {
  const { settings, model, ports, signal } = options;
  const { steps, guidance_scale: guidanceScale } = settings;
  const studio = { ports, scheduler: model.scheduler, steps, guidanceScale, signal };
  return createPainter(studio, prompt, lora === undefined ? [] : [{ adapter: lora.sha256, weight: 1 }]);
}

/** One after another, so that no call is shared: see above. */
async function inTurn<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}

function unmeasurable({ id }: ProfiledLora, { evaluation }: SamplerCall): InputError {
  const subject = `LoRA "${id}"`;
  const message = `${subject} changes nothing that can be measured at timestep ${evaluation.timestep}, or gives values that are no numbers`;
  return new InputError([{ code: 'unsupported_lora', subject, message }]);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
