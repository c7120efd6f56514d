import { join } from 'node:path';
import type { Interval } from '../core/evaluation/bootstrap.ts';
import type { EvaluationResult } from '../evaluation/report/evaluation-result.ts';

/** What is said of a finished evaluation: a table for a person, or one line of JSON for a program. Pure text. */

export function describeEvaluationAsJson(result: EvaluationResult, out: string): readonly string[] {
  const { rows, claims, sets, seeds } = result;
  const all = rows.filter(({ N }) => N === 'all').map(({ N: _, ...row }) => row);
  return [JSON.stringify({ report: join(out, 'report.html'), sets: sets.length, seeds, methods: all, claims })];
}

export function describeEvaluationForReader(result: EvaluationResult, out: string): readonly string[] {
  const { rows, claims, sets, seeds, methods } = result;
  const lines = rows
    .filter(({ N }) => N === 'all')
    .map(({ method, clipScore, gap, recall, winRate, winMarginVsRivals, fullPasses, seconds }) => [
      method,
      shown(clipScore, 1, 2),
      shown(gap, 1, 1),
      shown(recall, 100, 1),
      shown(winRate, 1, 1),
      shown(winMarginVsRivals, 1, 1),
      fullPasses.toFixed(1),
      seconds?.toFixed(2) ?? '-',
    ]);
  const head = ['method', 'CLIPScore', 'gap', 'recall %', 'win rate %', 'margin', 'full passes', 'seconds'];
  return [
    `${methods.length} methods on ${sets.length} sets, ${seeds} of each; means over the numbers of LoRAs:`,
    ...aligned([head, ...lines]),
    ...claims.map(({ name, measured, holds }) => {
      const { mean, lo, hi } = measured;
      const ends = Number.isNaN(lo) ? '' : ` (${lo.toFixed(2)} to ${hi.toFixed(2)})`;
      return `${holds ? 'holds' : 'does not hold'}: ${name}: ${mean.toFixed(2)}${ends}`;
    }),
    `report: ${join(out, 'report.html')}`,
  ];
}

function shown(interval: Interval | null, scale: number, decimals: number): string {
  return interval === null ? '-' : (scale * interval.mean).toFixed(decimals);
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}
