import { element, polyline, text } from './svg.ts';

/** One pair of axes with lines in it, at a place of a larger drawing. */

export interface Chart {
  readonly title: string;
  /** The rectangle between the axes, in pixels; title and labels stand outside of it. */
  readonly frame: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** A part of the x axis that is set off, with a word on it. */
  readonly band?: { readonly from: number; readonly to: number; readonly label: string };
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly Tick[];
  readonly label?: string;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Line {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly colour: string;
  /** As SVG's stroke-dasharray. */
  readonly dashes?: string;
  readonly width?: number;
  /** A dot at each point, where there are few. */
  readonly dotted?: boolean;
}

const INK = '#57606a';
const GRID = '#e4e7eb';
const BAND = '#f3f0e6';

export function chart({ title, frame, x, y, lines, band }: Chart): string {
  const across = (value: number) => frame.x + ((value - x.from) / (x.to - x.from)) * frame.width;
  const up = (value: number) => frame.y + frame.height - ((value - y.from) / (y.to - y.from)) * frame.height;
  const bottom = frame.y + frame.height;
  const right = frame.x + frame.width;
  const clipped = (points: Line['points']) =>
    points.map(([px, py]) => [across(px), up(Math.min(Math.max(py, y.from), y.to))] as const);

  return element('g', {}, [
    ...(band === undefined
      ? []
      : [
          element('rect', {
            x: across(band.from),
            y: frame.y,
            width: across(band.to) - across(band.from),
            height: frame.height,
            fill: BAND,
          }),
          text(band.label, { x: right - 6, y: frame.y + 14, fill: '#8a7f5c', 'font-size': 10, 'text-anchor': 'end' }),
        ]),
    ...y.ticks.map(({ at }) =>
      element('line', { x1: frame.x, x2: right, y1: up(at), y2: up(at), stroke: GRID, 'stroke-width': 1 }),
    ),
    ...y.ticks.map(({ at, label }) =>
      text(label, { x: frame.x - 6, y: up(at) + 3.5, fill: INK, 'font-size': 10, 'text-anchor': 'end' }),
    ),
    ...x.ticks.flatMap(({ at, label }) => [
      element('line', { x1: across(at), x2: across(at), y1: bottom, y2: bottom + 4, stroke: INK }),
      text(label, { x: across(at), y: bottom + 15, fill: INK, 'font-size': 10, 'text-anchor': 'middle' }),
    ]),
    element('line', { x1: frame.x, x2: right, y1: bottom, y2: bottom, stroke: INK, 'stroke-width': 1 }),
    text(title, { x: frame.x, y: frame.y - 9, 'font-weight': 600 }),
    ...axisLabels({ frame, x, y }),
    ...lines.map(({ points, colour, dashes, width = 1.6 }) =>
      polyline(clipped(points), {
        stroke: colour,
        'stroke-width': width,
        'stroke-linejoin': 'round',
        ...(dashes !== undefined && { 'stroke-dasharray': dashes }),
      }),
    ),
    ...lines
      .filter(({ dotted }) => dotted === true)
      .flatMap(({ points, colour }) =>
        clipped(points).map(([cx, cy]) => element('circle', { cx, cy, r: 2.6, fill: colour })),
      ),
  ]);
}

function axisLabels({ frame, x, y }: Pick<Chart, 'frame' | 'x' | 'y'>): readonly string[] {
  const style = { fill: INK, 'font-size': 10 };
  return [
    ...(x.label === undefined
      ? []
      : [text(x.label, { ...style, x: frame.x + frame.width, y: frame.y + frame.height + 29, 'text-anchor': 'end' })]),
    ...(y.label === undefined
      ? []
      : [text(y.label, { ...style, x: frame.x + frame.width, y: frame.y - 9, 'text-anchor': 'end' })]),
  ];
}

/** Between three and six whole steps of 1, 2 or 5 times a power of ten, from 0 or below to `to` or above. */
export function niceTicks(from: number, to: number): readonly Tick[] {
  const raw = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.ceil(to / step - 1e-9);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const at = (first + index) * step;
    return { at, label: (Object.is(at, -0) ? 0 : at).toFixed(decimals) };
  });
}
