import type { LoraProfile, ProfileSettings } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { kendallTau } from '../core/frequency/kendall-tau.ts';
import type { FrequencySets } from '../core/sequencer/frequency-sets.ts';

/** What is said of measured LoRAs: a table for a person, or one line of JSON for a program. Pure text. */

export interface MeasuredLora {
  readonly id: string;
  readonly profile: LoraProfile;
  /** True where it was taken from the cache. */
  readonly isReused: boolean;
}

export interface ProfileReport {
  readonly model: Pick<ModelDescriptor, 'id' | 'sha256'>;
  readonly settings: ProfileSettings;
  readonly measured: readonly MeasuredLora[];
  readonly sets: FrequencySets;
  /** The plot's file. */
  readonly out: string | undefined;
  readonly seconds: number;
}

/** How far the rankings by the scores, by the other space and by the authors' statistics agree; null for a single LoRA. */
interface Agreement {
  readonly halves_pixel: number | null;
  readonly halves_latent: number | null;
  readonly spaces: number | null;
  readonly paper_picture: number | null;
  readonly paper_change_raw: number | null;
  readonly paper_change_log: number | null;
}

export function describeProfilesAsJson({ model, settings, measured, sets, out, seconds }: ProfileReport): string {
  return JSON.stringify({
    model: { id: model.id, sha256: model.sha256 },
    settings,
    loras: measured.map(({ id, profile, isReused }, index) => ({
      id,
      sha256: profile.lora_sha256,
      reused: isReused,
      frequency_class: sets.classes[index]?.frequencyClass,
      frequency_class_source: sets.classes[index]?.source,
      pixel: withoutSpectra(profile.pixel),
      latent: withoutSpectra(profile.latent),
      noise_levels: profile.noise_levels,
      paper: profile.paper,
    })),
    sets: { high: sets.high, low: sets.low },
    order: sets.order,
    split: sets.split,
    tau: agreement(measured),
    ...(out !== undefined && { plot: out }),
    seconds,
  });
}

export function describeProfilesForReader(report: ProfileReport): readonly string[] {
  const { model, settings, measured, sets, out, seconds } = report;
  const { prompts, seeds, level_count: levels, steps } = settings;
  const reused = measured.filter(({ isReused }) => isReused).length;
  return [
    `${model.id}: ${prompts.length} prompts, ${seeds.length} seeds, ${levels} noise levels of ${steps} steps`,
    ...table(report),
    ...describeSets(sets),
    ...describeAgreement(agreement(measured)),
    `${measured.length - reused} measured, ${reused} taken from the cache, ${seconds.toFixed(1)} s`,
    ...(out === undefined ? [] : [`plot: ${out}`]),
  ];
}

/** A row for each LoRA, in leading order. */
function table({ measured, sets }: ProfileReport): readonly string[] {
  const rows = sets.order.flatMap((id) => {
    const index = measured.findIndex((lora) => lora.id === id);
    const profile = measured[index]?.profile;
    if (profile === undefined) return [];
    const { pixel, latent, paper } = profile;
    return [
      [
        id,
        sets.classes[index]?.frequencyClass ?? '',
        pixel.score.toFixed(3),
        latent.score.toFixed(3),
        pixel.strength.toFixed(3),
        latent.strength.toFixed(3),
        pixel.levels.map(({ score }) => score.toFixed(2)).join(' '),
        paper.picture.toFixed(3),
      ],
    ];
  });
  const head = ['LoRA', 'class', 'score', 'latent', 'strength', 'latent', 'score by noise level', 'paper'];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function describeSets({ high, low, split, classes }: FrequencySets): readonly string[] {
  const isUnclear = classes.some(({ frequencyClass }) => frequencyClass === 'unclear');
  const lists = [`high, in order: ${list(high)}`, `low, in order: ${list(low)}`];
  if (isUnclear)
    return [...lists, 'unclear: the halves of the seeds rank the LoRAs otherwise; an unclear LoRA counts as high'];
  return split === null
    ? [...lists, 'nothing is split: there is no gap between the scores']
    : [...lists, `split at ${split.toFixed(3)}, the middle of the largest gap`];
}

function describeAgreement(tau: Agreement): readonly string[] {
  if (tau.spaces === null) return [];
  const shown = (value: number | null) => (value ?? 0).toFixed(2);
  const halves = `halves of the seeds ${shown(tau.halves_pixel)} (latents ${shown(tau.halves_latent)})`;
  const paper = `picture ${shown(tau.paper_picture)}, change ${shown(tau.paper_change_raw)} raw and ${shown(tau.paper_change_log)} log`;
  return [`Kendall's tau: ${halves}, pixels and latents ${shown(tau.spaces)}; the paper's ${paper}`];
}

function agreement(measured: readonly MeasuredLora[]): Agreement {
  const profiles = measured.map(({ profile }) => profile);
  const tauOf = (one: (profile: LoraProfile) => number, other: (profile: LoraProfile) => number) =>
    kendallTau(profiles.map(one), profiles.map(other));
  const score = ({ pixel }: LoraProfile) => pixel.score;
  return {
    halves_pixel: tauOf(
      ({ pixel }) => pixel.halves[0],
      ({ pixel }) => pixel.halves[1],
    ),
    halves_latent: tauOf(
      ({ latent }) => latent.halves[0],
      ({ latent }) => latent.halves[1],
    ),
    spaces: tauOf(score, ({ latent }) => latent.score),
    paper_picture: tauOf(score, ({ paper }) => paper.picture),
    paper_change_raw: tauOf(score, ({ paper }) => meanSize(paper.change.raw)),
    paper_change_log: tauOf(score, ({ paper }) => meanSize(paper.change.log)),
  };
}

/** The paper gives a change no sign; its size, over the intervals, is what can be ranked. */
function meanSize(changes: readonly number[]): number {
  return changes.reduce((sum, change) => sum + Math.abs(change), 0) / changes.length;
}

function withoutSpectra({ score, halves, strength, levels }: LoraProfile['pixel']) {
  return { score, halves, strength, levels: levels.map((level) => ({ score: level.score, strength: level.strength })) };
}

function list(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.join(', ');
}
