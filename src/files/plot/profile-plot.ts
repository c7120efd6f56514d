import type { LoraProfile } from '../../contract/lora-profile.ts';
import { HIGH_BAND_FROM } from '../../core/frequency/high-band.ts';
import type { SpaceProfile } from '../../core/frequency/profile.ts';
import type { FrequencySets } from '../../core/sequencer/frequency-sets.ts';
import { type Axis, chart, type Line, niceTicks } from './chart.ts';
import { document, element, text } from './svg.ts';

/**
 * Profiles as a drawing: who is finer than whom and where they are split; how that changes with the noise; the authors' statistic;
 * and for each LoRA the radial spectrum of what it changes, one line a noise level, as latents and as pixels. How to read it is
 * docs/frequency.md. Pure text.
 */

export interface NamedProfile {
  readonly id: string;
  readonly profile: LoraProfile;
}

const WIDTH = 1000;
const MARGIN = 56;
const GAP = 64;
const HALF = (WIDTH - 2 * MARGIN - GAP) / 2;
const RIGHT_HALF = MARGIN + HALF + GAP;
const HEADER_HEIGHT = 74;
const CHART_HEIGHT = 190;
const CHART_STRIDE = CHART_HEIGHT + 74;
const ROW_HEIGHT = 24;

/** Okabe and Ito's eight, without their yellow, which is too pale for lines: told apart by colour-blind readers too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
const BASE_COLOUR = '#8c959f';
/** From the noisiest level to the cleanest: viridis, without its pale end. */
const LEVEL_COLOURS = ['#440154', '#3b528b', '#21918c', '#5ec962', '#c2b800'];

/** `profiles` are of one model and one settings, at least one; `sets` is what was made of them. */
export function profilePlot(options: {
  readonly model: string;
  readonly profiles: readonly NamedProfile[];
  readonly sets: FrequencySets;
}): string {
  const { profiles, sets } = options;
  const ranked = sets.order.flatMap((id) => profiles.find((each) => each.id === id) ?? []);
  const scoresHeight = Math.max(CHART_HEIGHT, profiles.length * ROW_HEIGHT + 8);
  const second = HEADER_HEIGHT + scoresHeight + 74;
  const spectra = second + CHART_STRIDE + 22;
  const height = spectra + ranked.length * CHART_STRIDE - 20;
  return document({ title: titleOf(options), width: WIDTH, height }, [
    ...header(options),
    scoreRows(ranked, sets, { y: HEADER_HEIGHT, height: scoresHeight }),
    levelChart(ranked, 'pixel', { x: RIGHT_HALF, y: HEADER_HEIGHT, width: HALF, height: scoresHeight }),
    changeChart(ranked, 'raw', { x: MARGIN, y: second, width: HALF, height: CHART_HEIGHT }),
    changeChart(ranked, 'log', { x: RIGHT_HALF, y: second, width: HALF, height: CHART_HEIGHT }),
    ...levelLegend(ranked[0]?.profile, spectra - 44),
    ...ranked.flatMap(({ id, profile }, index) => {
      const y = spectra + index * CHART_STRIDE;
      return (['latent', 'pixel'] as const).map((space) =>
        spectrumChart(`${shortened(id, 22)}, ${space}s`, profile[space], {
          x: space === 'latent' ? MARGIN : RIGHT_HALF,
          y,
          width: HALF,
          height: CHART_HEIGHT,
        }),
      );
    }),
  ]);
}

function titleOf({ model }: { readonly model: string }): string {
  return `What LoRAs change on ${model}, by frequency`;
}

type Frame = Parameters<typeof chart>[0]['frame'];

function header({ model, profiles, sets }: Parameters<typeof profilePlot>[0]): readonly string[] {
  const settings = profiles[0]?.profile.settings;
  const facts =
    settings === undefined
      ? ''
      : `${settings.prompts.length} prompts, ${settings.seeds.length} seeds, ${settings.level_count} noise levels of ` +
        `${settings.steps} steps, ${settings.width}x${settings.height}, guidance ${settings.guidance_scale}`;
  const tau = sets.halvesTau === null ? '' : `; the halves of the seeds agree by tau ${sets.halvesTau.toFixed(2)}`;
  return [
    text(titleOf({ model }), { x: MARGIN, y: 26, 'font-size': 16, 'font-weight': 600 }),
    text(facts + tau, { x: MARGIN, y: 43, fill: '#57606a', 'font-size': 11 }),
  ];
}

/** A row for each LoRA: its score in pixels (filled, with the halves of the seeds as a bar) and in latents (hollow). */
function scoreRows(
  ranked: readonly NamedProfile[],
  sets: FrequencySets,
  { y, height }: { readonly y: number; readonly height: number },
): string {
  const nameWidth = 180;
  const frame = { x: MARGIN + nameWidth, y, width: HALF - nameWidth, height };
  const across = (score: number) => frame.x + score * frame.width;
  const stride = height / ranked.length;
  const rows = ranked.flatMap(({ id, profile: { latent, pixel } }, index) => {
    const middle = y + (index + 0.5) * stride;
    const colour = colourOf(index);
    const [one, other] = pixel.halves;
    const role = sets.classes.find((each) => each.id === id)?.frequencyClass ?? '';
    return [
      text(shortened(id, 18), { x: MARGIN, y: middle + 4, 'font-size': 11 }),
      text(role, { x: frame.x - 12, y: middle + 4, 'font-size': 10, fill: '#57606a', 'text-anchor': 'end' }),
      element('line', { x1: frame.x, x2: frame.x + frame.width, y1: middle, y2: middle, stroke: '#e4e7eb' }),
      element('line', {
        x1: across(Math.min(one, other)),
        x2: across(Math.max(one, other)),
        y1: middle,
        y2: middle,
        stroke: colour,
        'stroke-width': 4,
        'stroke-opacity': 0.4,
      }),
      element('circle', {
        cx: across(latent.score),
        cy: middle,
        r: 4.5,
        fill: '#ffffff',
        stroke: colour,
        'stroke-width': 1.6,
      }),
      element('circle', { cx: across(pixel.score), cy: middle, r: 5, fill: colour }),
    ];
  });
  const axis = chart({
    title: 'Class score',
    frame,
    x: { from: 0, to: 1, ticks: SHARES, label: 'share of the change at radius 0.2 and beyond' },
    y: { from: 0, to: 1, ticks: [], label: '\u25cf pixels  \u25cb latents' },
    lines: sets.split === null ? [] : [verticalAt(sets.split)],
  });
  return element('g', {}, [axis, ...rows]);
}

function verticalAt(x: number): Line {
  const points = [[x, 0] as const, [x, 1] as const];
  return { points, colour: '#57606a', dashes: '4 3', width: 1 };
}

/** Class score over noise levels, a line for each LoRA. */
function levelChart(ranked: readonly NamedProfile[], space: 'latent' | 'pixel', frame: Frame): string {
  return chart({
    title: `Class score over the noise, in ${space}s`,
    frame,
    x: trajectoryAxis(),
    y: { from: 0, to: 1, ticks: SHARES },
    lines: ranked.map(({ profile }, index) => ({
      points: profile[space].levels.map(({ score }, level) => [
        fractionOf(profile.noise_levels[level]?.timestep ?? 0),
        score,
      ]),
      colour: colourOf(index),
      ...dashesOf(index),
      dotted: true,
    })),
  });
}

/** The authors' statistic: the change of the high band from interval to interval, of each LoRA's own pictures. */
function changeChart(ranked: readonly NamedProfile[], amplitude: 'raw' | 'log', frame: Frame): string {
  const base = ranked[0]?.profile.paper.base_change[amplitude] ?? [];
  const pointsOf = (change: readonly number[]): Line['points'] =>
    change.map((value, index) => [(index + 0.5) / change.length, value]);
  const values = [...base, ...ranked.flatMap(({ profile }) => profile.paper.change[amplitude])];
  const y = axisOver(Math.min(0, ...values), Math.max(0, ...values));
  return chart({
    title: `The paper's high-band change, ${amplitude}`,
    frame,
    x: trajectoryAxis(),
    y: { ...y, label: 'grey: no LoRA' },
    lines: [
      { points: pointsOf(base), colour: BASE_COLOUR, width: 3 },
      ...ranked.map(({ profile }, index) => ({
        points: pointsOf(profile.paper.change[amplitude]),
        colour: colourOf(index),
        ...dashesOf(index),
      })),
    ],
  });
}

/** Energy by radius, as a density: the area over the high band is the class score of the level. */
function spectrumChart(title: string, space: SpaceProfile, frame: Frame): string {
  const densities = space.levels.map(({ spectrum }) => spectrum.map((share) => share * (spectrum.length - 1)));
  return chart({
    title,
    frame,
    x: {
      from: 0,
      to: 1,
      ticks: [0, 0.2, 0.4, 0.6, 0.8, 1].map((at) => ({ at, label: String(at) })),
      label: 'radius / largest radius',
    },
    y: {
      ...axisOver(0, Math.max(...densities.flat())),
      label: `energy density; strength ${space.strength.toFixed(3)}`,
    },
    band: { from: HIGH_BAND_FROM, to: 1, label: `high band: ${percent(space.score)}` },
    lines: densities.map((density, level) => ({
      // Radius 0 is the mean, which does not count.
      points: density.slice(1).map((value, index) => [(index + 1) / (density.length - 1), value]),
      colour: levelColour(level, densities.length),
    })),
  });
}

function levelLegend(profile: LoraProfile | undefined, y: number): readonly string[] {
  const levels = profile?.noise_levels ?? [];
  return levels.flatMap(({ timestep }, level) => {
    const x = MARGIN + 150 + level * 92;
    const colour = levelColour(level, levels.length);
    const label = text(`t = ${Math.round(timestep)}`, { x: x + 24, y, 'font-size': 11 });
    const line = element('line', { x1: x, x2: x + 18, y1: y - 4, y2: y - 4, stroke: colour, 'stroke-width': 2.5 });
    return level === 0
      ? [text('Spectra, noisiest first', { x: MARGIN, y, 'font-size': 11, fill: '#57606a' }), line, label]
      : [line, label];
  });
}

/** Training time: the timesteps of every model that is served here run from 1000 to 0. */
const TRAIN_TIMESTEPS = 1000;

function fractionOf(timestep: number): number {
  return 1 - timestep / TRAIN_TIMESTEPS;
}

function trajectoryAxis(): Axis {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: String(at) }));
  return { from: 0, to: 1, ticks, label: 'of the trajectory: noise at 0, picture at 1' };
}

const SHARES = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: percent(at) }));

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function axisOver(from: number, to: number): Axis {
  const ticks = niceTicks(from, to > from ? to : from + 1);
  return { from: ticks[0]?.at ?? from, to: ticks.at(-1)?.at ?? to, ticks };
}

function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#000000';
}

/** Where colours come round again, dashes tell the lines apart. */
function dashesOf(index: number): { readonly dashes?: string } {
  const round = Math.floor(index / COLOURS.length);
  return round === 0 ? {} : { dashes: `${3 + 3 * round} 3` };
}

function levelColour(level: number, count: number): string {
  const position = count === 1 ? 0 : Math.round((level / (count - 1)) * (LEVEL_COLOURS.length - 1));
  return LEVEL_COLOURS[position] ?? '#000000';
}

function shortened(words: string, length: number): string {
  return words.length <= length ? words : `${words.slice(0, length - 1)}\u2026`;
}
