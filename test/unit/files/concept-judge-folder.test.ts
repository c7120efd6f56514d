import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConceptJudge } from '../../../src/files/concept-judge-folder.ts';

const DEMO = join(import.meta.dirname, '../../../demo/judges/b');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-judge-'));
  await writeFile(join(folder, 'model.onnx'), 'a model');
});
afterEach(() => rm(folder, { recursive: true }));

test('the demo judge knows eleven open concepts and five sealed ones, and nine slots', async () => {
  const { labels } = await readConceptJudge(DEMO);
  expect(labels).toMatchObject({ input: 'pictures', sidePx: 128, range: [0, 1] });
  expect(labels.concepts).toHaveLength(16);
  expect(labels.concepts.filter(({ name }) => name.endsWith('_sealed'))).toHaveLength(5);
  expect(labels.slots.map(({ name }) => name)).toContain('fur');
});

test('everything that is wrong with the labels is said at once', async () => {
  const labels = {
    input: { name: '', layout: ['n', 1, 64, 64], range: [1, 0] },
    concepts: [{ name: 'bear', threshold: 2 }],
    slots: { fur: { values: ['brown'] } },
  };
  await writeFile(join(folder, 'labels.json'), JSON.stringify(labels));
  const words = [
    'input.layout',
    'input.range',
    'concepts[0].threshold is 2',
    'slots.fur.output',
    'slots.fur.values',
    'input.name',
  ];
  const error = await readConceptJudge(folder).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  for (const each of words) expect((error as Error).message).toContain(each);
});
