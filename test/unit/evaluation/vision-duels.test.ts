import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseTestbed } from '../../../src/contract/testbed.ts';
import type { VisionQuestion } from '../../../src/evaluation/ask-vision.ts';
import { planEvaluation, plannedPictures } from '../../../src/evaluation/plan-evaluation.ts';
import type { ScoredPicture } from '../../../src/evaluation/run-evaluation.ts';
import { visionDuels } from '../../../src/evaluation/vision-duels.ts';
import { tinyTestbed } from '../../support/tiny-testbed.ts';

const testbed = parseTestbed(tinyTestbed(), 'tiny.json');
const plan = planEvaluation(testbed, {
  group: undefined,
  methods: undefined,
  part: undefined,
  sizes: [2],
  setsPerSize: undefined,
  seeds: 1,
});

let folder: string;
let pictures: readonly ScoredPicture[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-vision-'));
  await mkdir(join(folder, 'pictures'));
  pictures = await Promise.all(
    plannedPictures(plan).map(async (planned): Promise<ScoredPicture> => {
      const name = `${planned.method.name} ${planned.set}`;
      const file = join('pictures', name);
      // The judge below reads the picture's name where a real one would look at it.
      await writeFile(join(folder, file), name);
      const cost = { passes: { full: 0, reuse: 0 }, full_passes: 0, seconds: 0, peak_bytes: 0 };
      return {
        planned,
        drawn: { file, pixels_sha256: name, ...cost },
        scores: {
          method: planned.method.name,
          set: planned.set,
          seed: planned.seed,
          clipScore: null,
          embedding: null,
          concepts: null,
          psnr: null,
          seconds: null,
          passes: cost.passes,
          fullPasses: 0,
          peakBytes: null,
        },
      };
    }),
  );
});
afterEach(() => rm(folder, { recursive: true }));

const marks = (value: number) => ({ integration: value, consistency: value, accuracy: value, quality: value });
const options = () => ({
  subject: 'cmlora',
  against: ['merge', 'switch'],
  pairs: 10,
  model: 'seer',
  seed: 1,
  plan,
  folder,
});

/** Marks by name, and one more for whoever comes first. */
function judge(worth: (name: string) => number) {
  const asked: string[] = [];
  return {
    asked,
    studio: {
      async ask({ first, second }: VisionQuestion) {
        const [one, two] = [Buffer.from(first).toString(), Buffer.from(second).toString()];
        asked.push(`${one} | ${two}`);
        return { first: marks(worth(one) + 1), second: marks(worth(two)) };
      },
      progress: () => undefined,
      signal: new AbortController().signal,
    },
  };
}

test('a judge that likes the first picture for its place decides nothing', async () => {
  const { studio } = judge(() => 5);
  const { against } = await visionDuels(pictures, options(), studio);
  expect(against.map(({ method, pairs, wins, ties, margin }) => [method, pairs, wins, ties, margin.mean])).toEqual([
    ['merge', 3, 0, 3, 0],
    ['switch', 3, 0, 3, 0],
  ]);
  expect(against[0]?.marks.quality).toEqual([5.5, 5.5]);
});

test('wins, ties and losses are counted over pairs of one set and noise', async () => {
  const worths: Readonly<Record<string, number>> = { 'cmlora 0': 7, 'cmlora 1': 5, 'cmlora 2': 2 };
  const { studio, asked } = judge((name) => worths[name] ?? 5);
  const { against } = await visionDuels(pictures, { ...options(), against: ['merge'] }, studio);
  expect(against[0]).toMatchObject({ pairs: 3, wins: 1, ties: 1, margin: { mean: 0 } });
  expect([...asked].sort()).toEqual([
    'cmlora 0 | merge 0',
    'cmlora 1 | merge 1',
    'cmlora 2 | merge 2',
    'merge 0 | cmlora 0',
    'merge 1 | cmlora 1',
    'merge 2 | cmlora 2',
  ]);
});

test('no more pairs are shown than were asked for', async () => {
  const { studio, asked } = judge(() => 5);
  await visionDuels(pictures, { ...options(), pairs: 2 }, studio);
  expect(asked).toHaveLength(2 * 2 * 2);
});

test('what has been answered is not asked again', async () => {
  const first = judge(() => 5);
  const before = await visionDuels(pictures, options(), first.studio);
  const second = judge(() => 9);
  expect(await visionDuels(pictures, options(), second.studio)).toEqual(before);
  expect(second.asked).toEqual([]);
});
