import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readClipModel } from '../../../src/files/clip-folder.ts';

const GOLDEN = join(import.meta.dirname, '../../golden/clip-model');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-clip-'));
  await cp(GOLDEN, folder, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

async function change(name: string, to: (json: Record<string, unknown>) => object): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, JSON.stringify(to(JSON.parse(await readFile(path, 'utf8')))));
}

test('the hash is that of what is in the folder, wherever it lies', async () => {
  const [original, copy] = [await readClipModel(GOLDEN), await readClipModel(folder)];
  expect(copy.sha256).toBe(original.sha256);
  await change('preprocessor_config.json', (json) => ({ ...json, image_mean: [0.5, 0.5, 0.5] }));
  expect((await readClipModel(folder)).sha256).not.toBe(original.sha256);
});

test('every file that is missing is named', async () => {
  await rm(join(folder, 'preprocessor_config.json'));
  await rm(join(folder, 'vocab.json'));
  await expect(readClipModel(folder)).rejects.toThrow(/preprocessor_config\.json is missing.*vocab\.json is missing/);
});

test('weights of another shape than the config says are refused', async () => {
  await change('config.json', (json) => ({ ...json, projection_dim: 24 }));
  await expect(readClipModel(folder)).rejects.toThrow(/text_projection\.weight is \[20,24\]; must be \[24,24\]/);
});

test('an end token that the vocabulary does not have is refused', async () => {
  await change('config.json', (json) => ({
    ...json,
    text_config: { ...(json.text_config as object), eos_token_id: 17 },
  }));
  await expect(readClipModel(folder)).rejects.toThrow('eos_token_id is 17; must be 553');
});

test('the tokenizer may be in one file, as transformers 5 writes it', async () => {
  const model = { vocab: JSON.parse(await readFile(join(folder, 'vocab.json'), 'utf8')), merges: [] as string[][] };
  const lines = (await readFile(join(folder, 'merges.txt'), 'utf8')).split('\n').slice(1, -1);
  model.merges = lines.map((line) => line.split(' '));
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify({ model }));
  await rm(join(folder, 'vocab.json'));
  await rm(join(folder, 'merges.txt'));
  expect((await readClipModel(folder)).tokenizer).toEqual((await readClipModel(GOLDEN)).tokenizer);
});
