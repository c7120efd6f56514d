import { LIMITS } from '../contract/limits.ts';
import {
  PROFILE_COUNT_MAX,
  PROFILE_COUNT_MIN,
  PROFILE_DEFAULTS,
  type ProfileSettings,
} from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { highBandRadius } from '../core/frequency/high-band.ts';
import { radiusBins } from '../core/frequency/radius-bins.ts';
import { InputError, type Problem } from '../core/problem.ts';

/** What somebody asked of a profile, to settings with nothing left implicit: defaults filled in, and what cannot be done refused. */

export interface RequestedProfile {
  readonly prompts?: readonly string[] | undefined;
  /** How many; they are 0, 1, 2, ... */
  readonly seedCount?: number | undefined;
  readonly steps?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** About ten intervals a trajectory: the authors' plots have one every 10 of 100 steps and more. */
const INTERVAL_COUNT = 10;

/** Throws an InputError with every problem. */
export function profileSettings(requested: RequestedProfile, model: ModelDescriptor): ProfileSettings {
  const { levelCount, seeds, prompts } = PROFILE_DEFAULTS;
  const seedCount = requested.seedCount ?? seeds;
  const settings = {
    revision: 1 as const,
    prompts: requested.prompts ?? prompts,
    steps: requested.steps ?? PROFILE_DEFAULTS.steps,
    guidance_scale: model.defaults.guidance_scale,
    width: requested.width ?? model.defaults.width,
    height: requested.height ?? model.defaults.height,
    level_count: levelCount,
  };
  const problems = [
    ...countProblems('prompts', settings.prompts.length),
    ...settings.prompts.flatMap(promptProblems),
    ...countProblems('seeds', seedCount),
    ...rangeProblems('steps', settings.steps, { from: levelCount, to: LIMITS.stepsMax }),
    ...sizeProblems(settings, model),
  ];
  if (problems.length > 0) throw new InputError(problems);
  return {
    ...settings,
    seeds: Array.from({ length: seedCount }, (_, seed) => seed),
    interval: Math.max(1, Math.round(settings.steps / INTERVAL_COUNT)),
  };
}

function countProblems(subject: string, count: number): readonly Problem[] {
  if (Number.isInteger(count) && count >= PROFILE_COUNT_MIN && count <= PROFILE_COUNT_MAX) return [];
  const message = `there are ${count} ${subject} to measure with; must be ${PROFILE_COUNT_MIN} to ${PROFILE_COUNT_MAX}`;
  return [problem(subject, message)];
}

function promptProblems(prompt: string, index: number): readonly Problem[] {
  const subject = `prompts[${index}]`;
  const bytes = new TextEncoder().encode(prompt).length;
  if (prompt.trim() === '') return [problem(subject, `${subject} is empty; must be a text`)];
  if (bytes <= LIMITS.promptBytes) return [];
  return [problem(subject, `${subject} has ${bytes} bytes; must be at most ${LIMITS.promptBytes}`)];
}

function rangeProblems(
  subject: string,
  value: number,
  { from, to }: { readonly from: number; readonly to: number },
): readonly Problem[] {
  if (Number.isInteger(value) && value >= from && value <= to) return [];
  return [problem(subject, `${subject} is ${value}; must be an integer from ${from} to ${to}`)];
}

type Size = Pick<ProfileSettings, 'width' | 'height'>;

function sizeProblems(size: Size, model: ModelDescriptor): readonly Problem[] {
  const sides = (['width', 'height'] as const).flatMap((side) => sideProblems(side, size[side], model));
  return sides.length > 0 ? sides : bandProblems(size, model);
}

/** In a latent of 8x8 even radius 1 lies in the high band, so that every change would count as fine. */
function bandProblems({ width, height }: Size, { latentScale }: ModelDescriptor): readonly Problem[] {
  const latent = { width: width / latentScale, height: height / latentScale };
  if (highBandRadius(radiusBins(latent).largest) > 1) return [];
  const message = `size is ${width}x${height}, a latent of ${latent.width}x${latent.height}, which has no low frequencies to tell from high ones; must be larger, e.g. ${16 * latentScale}x${16 * latentScale}`;
  return [problem('size', message)];
}

function sideProblems(subject: string, value: number, { sideMultiple }: ModelDescriptor): readonly Problem[] {
  const range = rangeProblems(subject, value, { from: LIMITS.sideMin, to: LIMITS.sideMax });
  if (range.length > 0 || value % sideMultiple === 0) return range;
  return [problem(subject, `${subject} is ${value}; must be a multiple of ${sideMultiple} with this checkpoint`)];
}

function problem(subject: string, message: string): Problem {
  return { code: 'invalid_request', subject, message };
}
