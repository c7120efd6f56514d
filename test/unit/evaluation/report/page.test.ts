import { expect, test } from 'vitest';
import type { EvaluationResult } from '../../../../src/evaluation/report/evaluation-result.ts';
import { reportPage } from '../../../../src/evaluation/report/page.ts';
import { rowsCsv, summaryJson } from '../../../../src/evaluation/report/summary.ts';

const interval = (mean: number) => ({ mean, lo: mean - 1, hi: mean + 1 });
const row = (method: string, N: number | 'all', recall: number | null) => ({
  method,
  N,
  pictures: 8,
  clipScore: interval(30),
  gap: null,
  recall: recall === null ? null : interval(recall),
  allFound: null,
  winRate: interval(50),
  winMarginVsRivals: null,
  strangers: null,
  leakage: null,
  binding: null,
  psnr: null,
  kid: -0.00012345,
  passes: { full: 10, reuse: 5 },
  fullPasses: 10.5,
  seconds: 1.25,
  peakBytes: 2 ** 20,
});
const result: EvaluationResult = {
  testbed: { title: 'Cats & <dogs>', sha256: 'a'.repeat(64), notes: ['A note.'] },
  version: '0',
  model: { id: 'demo', sha256: 'b'.repeat(64), device: 'cpu' },
  judges: { clip: 'c'.repeat(64), concepts: null },
  group: 'headline',
  part: 'held_out',
  seeds: 2,
  picture: { steps: 25, guidance_scale: 4, sampler: 'ddim', width: 128, height: 128, lora_scale: 1 },
  prompt: { prefix: '', negative: '' },
  sets: [
    { id: 'a+b', N: 2 },
    { id: 'a+b+c', N: 3 },
  ],
  methods: [
    { name: 'none', title: 'no LoRA', composition: null, steps: 25 },
    { name: 'ours', title: 'Ours', composition: { method: 'cmlora' }, steps: 25 },
  ],
  baseline: 'none',
  rivals: [],
  delta: 1.5,
  truth: { renderings: 4, found: 0.98 },
  rows: [
    row('none', 2, 0.1),
    row('none', 3, null),
    row('none', 'all', 0.1),
    row('ours', 2, 0.5),
    row('ours', 3, 0.75),
    row('ours', 'all', 0.625),
  ],
  claims: [
    {
      name: 'gap over rivals',
      claimed: 'at least +5 points',
      measured: { mean: -2.5, lo: -4, hi: -1 },
      unit: 'points',
      holds: false,
      leaveOneOut: { without: [{ lora: 'a', value: -1 }], sameSign: 1 },
    },
  ],
  duels: { subject: 'ours', margins: [{ against: 'none', margin: interval(80) }] },
  vision: null,
  tried: 3,
};
const sheet = { set: 'a+b', N: 2, columns: ['none', 'ours', 'true'], file: 'sheets/a+b.webp', width: 392, height: 128 };

test('what did not hold is said as plainly as what did', () => {
  const page = reportPage(result, [sheet]);
  expect(page).toContain('<span class="no">does not hold</span>');
  expect(page).toContain('\u22122.50<small>\u22124.00 to \u22121.00</small>');
});

test('names are text and never markup', () => {
  const page = reportPage(result, []);
  expect(page).toContain('<h1>Cats &amp; &lt;dogs&gt;</h1>');
  expect(page).not.toContain('<dogs>');
});

test('columns of which nothing is known are left out', () => {
  const page = reportPage(result, []);
  expect(page).toContain('<th>recall %</th>');
  expect(page).not.toContain('<th>gap</th>');
  expect(page).not.toContain('<th>PSNR dB</th>');
});

test('a sheet stands under the names of its columns', () => {
  const page = reportPage(result, [sheet]);
  expect(page).toContain('grid-template-columns:repeat(3,1fr)');
  expect(page).toContain('<img src="sheets/a+b.webp" width="392" height="128"');
});

test('nothing comes from elsewhere', () => {
  const page = reportPage(result, [sheet]);
  expect(page.match(/https?:\/\/[^"'\s<]+/g)?.filter((url) => url !== 'http://www.w3.org/2000/svg') ?? []).toEqual([]);
  expect(page).not.toContain('<script');
});

test('the summary has the rows of numbers, and null for what is not known', () => {
  const { rows } = JSON.parse(summaryJson(result));
  expect(rows).toHaveLength(4);
  expect(rows[1]).toEqual({
    method: 'none',
    N: 3,
    clipScore: interval(30),
    gap: null,
    recall: null,
    allFound: null,
    winRate: interval(50),
    winMarginVsRivals: null,
    passes: { full: 10, reuse: 5 },
    seconds: 1.25,
  });
});

test('the table for spreadsheets has a line for every row, all as wide as its head', () => {
  const lines = rowsCsv(result)
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  expect(lines).toHaveLength(1 + result.rows.length);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  const [head = [], first = []] = lines;
  expect(first[head.indexOf('kid')]).toBe('-0.000123');
  expect(first[head.indexOf('recall_lo')]).toBe('-0.9');
});
