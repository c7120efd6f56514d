import type { Interval } from '../../core/evaluation/bootstrap.ts';
import type { FigureRow } from '../../core/evaluation/figures.ts';
import { paretoFront } from '../../core/evaluation/pareto-front.ts';
import { chart, type Line, niceTicks } from '../../files/plot/chart.ts';
import { document, element, text } from '../../files/plot/svg.ts';
import type { EvaluationResult } from './evaluation-result.ts';

/** The figures as drawings: how each method fares with more LoRAs, and what it gives for what it costs. Pure text. */

const WIDTH = 980;
const CHART_WIDTH = 640;
const CHART_HEIGHT = 260;
const MARGIN = { x: 56, top: 40, bottom: 48 };
const LEGEND_LINE = 17;

/** Okabe and Ito's eight, without their yellow; after seven methods the same colours with dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
const DASHES = ['', '5 3', '1.5 2.5'];

type Measure = 'gap' | 'recall' | 'allFound' | 'winRate';

/** A line for each method over the numbers of LoRAs, with its intervals. Undefined where nothing is known. */
export function measurePlot(result: EvaluationResult, measure: Measure, title: string): string | undefined {
  const methods = result.methods.map(({ name }) => name);
  const rows = result.rows.filter((row) => row.N !== 'all' && row[measure] !== null);
  const sizes = [...new Set(rows.map(({ N }) => Number(N)))];
  const first = sizes[0];
  const last = sizes.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const scale = measure === 'recall' || measure === 'allFound' ? 100 : 1;
  const ends = rows.flatMap((row) => endsOf(row[measure], scale));
  const ticks = niceTicks(Math.min(0, ...ends), Math.max(...ends, 1));
  const step = 0.5 / Math.max(1, methods.length - 1);
  const lines = methods.flatMap((method, index): readonly Line[] => {
    const own = rows.filter((row) => row.method === method);
    // Side by side, so that intervals do not lie on one another.
    const at = (row: FigureRow): number => Number(row.N) + step * index - 0.25;
    const style = styleOf(index);
    const means = own.map((row) => [at(row), scale * (row[measure]?.mean ?? 0)] as const);
    const whiskers = own.map((row): Line => {
      const [lo = 0, hi = 0] = endsOf(row[measure], scale);
      return {
        points: [
          [at(row), lo],
          [at(row), hi],
        ],
        colour: style.colour,
        width: 1,
      };
    });
    return [{ points: means, ...style, dotted: true }, ...whiskers];
  });
  const height = Math.max(MARGIN.top + CHART_HEIGHT + MARGIN.bottom, MARGIN.top + methods.length * LEGEND_LINE + 20);
  return document({ title, width: WIDTH, height }, [
    chart({
      title,
      frame: { x: MARGIN.x, y: MARGIN.top, width: CHART_WIDTH, height: CHART_HEIGHT },
      x: {
        from: first - 0.5,
        to: last + 0.5,
        ticks: sizes.map((size) => ({ at: size, label: String(size) })),
        label: 'LoRAs',
      },
      y: { from: ticks[0]?.at ?? 0, to: ticks.at(-1)?.at ?? 1, ticks },
      lines,
    }),
    ...legend(methods),
  ]);
}

/** A dot for each method: what a picture costs and what it is worth, averaged over the numbers of LoRAs; who is beaten by nobody. */
export function costPlot(result: EvaluationResult, cost: 'fullPasses' | 'seconds', worth: Measure): string | undefined {
  const scale = worth === 'recall' ? 100 : 1;
  const points = result.rows.flatMap((row) => {
    const value = row[worth];
    const price = row[cost];
    const isShown = row.N === 'all' && value !== null && price !== null && row.method !== result.baseline;
    return isShown ? [{ method: row.method, cost: price, worth: scale * value.mean }] : [];
  });
  if (points.length < 2) return undefined;
  const x = niceTicks(0, Math.max(...points.map((point) => point.cost)));
  const low = Math.min(...points.map((point) => point.worth));
  const high = Math.max(...points.map((point) => point.worth));
  const y = niceTicks(low, high > low ? high : low + 1);
  const names = { fullPasses: 'passes, in full ones', seconds: 'seconds', gap: 'gap, points', recall: 'recall, %' };
  const [xName, yName] = [names[cost], names[worth as keyof typeof names] ?? worth];
  const best = paretoFront(points);
  const front = points.filter((_, index) => best[index] === true).sort((a, b) => a.cost - b.cost);
  const frame = { x: MARGIN.x, y: MARGIN.top, width: CHART_WIDTH, height: CHART_HEIGHT };
  const title = `${yName} against ${xName} of a picture`;
  const [fromX, toX] = [x[0]?.at ?? 0, x.at(-1)?.at ?? 1];
  const [fromY, toY] = [y[0]?.at ?? 0, y.at(-1)?.at ?? 1];
  const across = (value: number): number => frame.x + ((value - fromX) / (toX - fromX)) * frame.width;
  const up = (value: number): number => frame.y + frame.height - ((value - fromY) / (toY - fromY)) * frame.height;
  return document({ title, width: WIDTH, height: MARGIN.top + CHART_HEIGHT + MARGIN.bottom }, [
    chart({
      title,
      frame,
      x: { from: fromX, to: toX, ticks: x, label: xName },
      y: { from: fromY, to: toY, ticks: y },
      lines: [
        {
          points: front.map((point) => [point.cost, point.worth] as const),
          colour: '#8c959f',
          dashes: '4 3',
          width: 1.2,
        },
      ],
    }),
    ...spreadLabels(points.map((point) => ({ x: across(point.cost), y: up(point.worth) }))).flatMap((label, index) => {
      const { method = '', cost: price = 0, worth: value = 0 } = points[index] ?? {};
      const isBest = best[index] === true;
      const fill = isBest ? '#0072b2' : '#8c959f';
      return [
        element('circle', { cx: across(price), cy: up(value), r: 4, fill }),
        text(method, { x: label.x + 7, y: label.y + 4, 'font-size': 11, 'font-weight': isBest ? 600 : 400 }),
      ];
    }),
  ]);
}

interface Place {
  readonly x: number;
  readonly y: number;
}

const LABEL = { width: 96, height: 12 };

/** Places of names beside their dots, moved up until none lies on one that was placed before. */
function spreadLabels(dots: readonly Place[]): readonly Place[] {
  const placed: Place[] = [];
  for (const { x, y } of dots) {
    let label = { x, y };
    const isOn = (other: Place): boolean =>
      Math.abs(other.x - label.x) < LABEL.width && Math.abs(other.y - label.y) < LABEL.height;
    while (placed.some(isOn)) label = { x, y: label.y - LABEL.height };
    placed.push(label);
  }
  return placed;
}

function endsOf(interval: Interval | null, scale: number): readonly number[] {
  if (interval === null) return [];
  // Where an interval has no ends, the mean alone is drawn.
  return [interval.lo, interval.hi].map((end) => scale * (Number.isNaN(end) ? interval.mean : end));
}

function legend(methods: readonly string[]): readonly string[] {
  const x = MARGIN.x + CHART_WIDTH + 28;
  return methods.flatMap((method, index) => {
    const y = MARGIN.top + 8 + index * LEGEND_LINE;
    const { colour, dashes } = styleOf(index);
    const stroke = { stroke: colour, 'stroke-width': 2, ...(dashes !== undefined && { 'stroke-dasharray': dashes }) };
    return [
      element('line', { x1: x, x2: x + 24, y1: y, y2: y, ...stroke }),
      text(method, { x: x + 32, y: y + 4, 'font-size': 11 }),
    ];
  });
}

function styleOf(index: number): { readonly colour: string; readonly dashes?: string } {
  const dashes = DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? '';
  return { colour: COLOURS[index % COLOURS.length] ?? '#000000', ...(dashes !== '' && { dashes }) };
}
