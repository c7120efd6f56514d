import type { Interval } from '../../core/evaluation/bootstrap.ts';
import { type FigureRow, INTERVALS } from '../../core/evaluation/figures.ts';
import type { ScoredPicture } from '../run-evaluation.ts';
import type { EvaluationResult } from './evaluation-result.ts';

/** The figures for programs: JSON and CSV. Numbers have six decimals, which is more than any of them is known to. */

/** `summary.json`: the rows of a comparison, one for each method and number of LoRAs. */
export function summaryJson({ rows }: EvaluationResult): string {
  const bySize = rows.filter(({ N }) => N !== 'all');
  return json({
    rows: bySize.map(
      ({ method, N, clipScore, gap, recall, allFound, winRate, winMarginVsRivals, passes, seconds }) => ({
        method,
        N,
        clipScore,
        gap,
        recall,
        allFound,
        winRate,
        winMarginVsRivals,
        passes,
        seconds,
      }),
    ),
  });
}

/** `results.json`: all that the report says. */
export function resultsJson(result: EvaluationResult): string {
  return json(result);
}

/** `rows.csv`: every figure of every row, with the ends of its interval. */
export function rowsCsv({ rows }: EvaluationResult): string {
  const plain = ['kid', 'fullPasses', 'seconds', 'peakBytes'] as const;
  const head = [
    ...['method', 'N', 'pictures'],
    ...INTERVALS.flatMap((name) => [name, `${name}_lo`, `${name}_hi`]),
    ...['full', 'reuse', ...plain],
  ];
  const lineOf = (row: FigureRow): readonly Cell[] => [
    ...[row.method, row.N, row.pictures],
    ...INTERVALS.flatMap((name) => endsOf(row[name])),
    ...[row.passes.full, row.passes.reuse, ...plain.map((name) => row[name])],
  ];
  return csv([head, ...rows.map(lineOf)]);
}

/** `pictures.csv`: every picture with its scores. */
export function picturesCsv(pictures: readonly ScoredPicture[], { sets }: EvaluationResult): string {
  const head = [
    ...['method', 'set', 'N', 'seed', 'file', 'clip_score', 'found', 'all_found', 'strangers', 'leakage', 'binding'],
    ...['psnr', 'full', 'reuse', 'full_passes', 'seconds', 'peak_bytes'],
  ];
  const lines = pictures.map(({ planned, drawn, scores }): readonly Cell[] => {
    const { method, clipScore, concepts, psnr, passes, fullPasses, seconds, peakBytes } = scores;
    const set = sets[planned.set];
    return [
      ...[method, set?.id ?? '', set?.N ?? 0, planned.seed, drawn.file, clipScore],
      ...[concepts?.found ?? null, concepts === null ? null : Number(concepts.found === concepts.wanted)],
      ...[concepts?.strangers ?? null, concepts?.leakage ?? null, concepts?.binding ?? null],
      ...[psnr, passes.full, passes.reuse, fullPasses, seconds, peakBytes],
    ];
  });
  return csv([head, ...lines]);
}

type Cell = string | number | null;

function endsOf(interval: Interval | null): readonly Cell[] {
  return interval === null ? [null, null, null] : [interval.mean, interval.lo, interval.hi];
}

/** Names hold no comma and no quote: the testbed's schema sees to it. */
function csv(lines: readonly (readonly Cell[])[]): string {
  const shown = (cell: Cell): string => (cell === null ? '' : String(typeof cell === 'number' ? rounded(cell) : cell));
  return `${lines.map((line) => line.map(shown).join(',')).join('\n')}\n`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' ? rounded(inner) : inner), 1)}\n`;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
