import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ClipModel } from '../../src/compiler/clip-model.ts';
import { compileClipText, compileClipVision } from '../../src/compiler/models/clip-towers.ts';
import { planesFromRgb } from '../../src/core/image/planes-from-rgb.ts';
import { type ClipJudge, openClipJudge } from '../../src/engine/clip-judge.ts';
import { readClipModel } from '../../src/files/clip-folder.ts';
import { largestDifference } from '../support/deviation.ts';
import { goldenIntegers, goldenJson, goldenTensors } from '../support/golden-data.ts';
import { integers, openGraph } from '../support/run-graph.ts';
import { joinRows } from '../support/tensor-rows.ts';

/** Against transformers' CLIPModel, in float32 on both sides. The reference's projected values are of deviation about 1. */

const TOLERANCE = 1e-4;
const SIDE = 32;

const { texts } = (goldenJson('manifest.json') as { readonly clip: { readonly texts: readonly string[] } }).clip;
const expected = goldenTensors('clip.safetensors');
const whole = goldenIntegers('clip.safetensors');
const pictures = [0, 1, 2].map((index) => {
  const bytes = 3 * SIDE * SIDE;
  const pixels = Uint8Array.from(whole('pictures').slice(index * bytes, (index + 1) * bytes));
  return { width: SIDE, height: SIDE, pixels };
});

let model: ClipModel;
let judge: ClipJudge;
beforeAll(async () => {
  model = await readClipModel(join(import.meta.dirname, 'clip-model'));
  judge = await openClipJudge(model, { device: 'cpu', threads: 1 });
});
afterAll(() => judge.close());

test('the text tower gives what transformers gives, at the end token of each text', async () => {
  const graph = await openGraph(compileClipText(model), model.directory);
  const { positions } = model.config.text;
  const ids = whole('ids');
  const { data, dims } = await graph.run({ ids: integers(ids, [texts.length, positions]) });
  const [, , width = 0] = dims;
  const rows = texts.map((_, row) => {
    const own = ids.slice(row * positions, (row + 1) * positions);
    const start = (row * positions + own.indexOf(model.config.endTokenId)) * width;
    return { data: data.slice(start, start + width), dims: [1, width] };
  });
  expect(largestDifference(joinRows(rows), expected('text'))).toBeLessThan(TOLERANCE);
  await graph.close();
});

test('the picture tower gives what transformers gives', async () => {
  const graph = await openGraph(compileClipVision(model), model.directory);
  const pixels = joinRows(pictures.map((picture) => planesFromRgb(picture, model.pixels)));
  expect(largestDifference(await graph.run({ pixels }), expected('picture'))).toBeLessThan(TOLERANCE);
  await graph.close();
});

describe('the judge', () => {
  test('gives the cosine of every text with every picture', async () => {
    const read = await Promise.all(texts.map((text) => judge.embedText(text)));
    const seen = await Promise.all(pictures.map((picture) => judge.embedPicture(picture)));
    const cosines = seen.flatMap((a) =>
      read.map(({ embedding: b }) => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0)),
    );
    const actual = { data: Float32Array.from(cosines), dims: [pictures.length, texts.length] };
    expect(largestDifference(actual, expected('cosines'))).toBeLessThan(1e-5);
  });

  test('says when a text had no room', async () => {
    expect(await Promise.all(texts.map(async (text) => (await judge.embedText(text)).truncated))).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });
});
