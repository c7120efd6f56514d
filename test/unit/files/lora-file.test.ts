import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectLoraFile, loadLoraFile } from '../../../src/files/lora-file.ts';
import { TARGETS, UNET_QUERY } from '../../support/lora-targets.ts';
import { writeSafetensors } from '../../support/write-safetensors.ts';

const QUERY = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'overtone-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, down: readonly number[]): string {
  const path = join(folder, name);
  writeSafetensors(path, {
    [`${QUERY}.lora_down.weight`]: { dims: [1, 3], values: down },
    [`${QUERY}.lora_up.weight`]: { dims: [5, 1], values: [1, 2, 3, 4, 5] },
    [`${QUERY}.alpha`]: { dims: [], values: [0.5] },
  });
  return path;
}

test('an adapter is its factors, with alpha / rank in b, and its receipt', async () => {
  const { adapter, receipt } = await loadLoraFile(write('ink.safetensors', [1, 2, 3]), TARGETS);
  expect(adapter.factors.unet.get(UNET_QUERY.module)).toEqual({
    rank: 1,
    a: Float32Array.of(1, 2, 3),
    b: Float32Array.of(0.5, 1, 1.5, 2, 2.5),
  });
  expect(adapter.factors.text_encoder.size).toBe(0);
  expect(receipt).toMatchObject({ format: 'kohya', sha256: adapter.sha256, ranks: [1], alphas: [0.5] });
});

test('inspecting gives the same receipt', async () => {
  const path = write('same.safetensors', [1, 2, 3]);
  expect(await inspectLoraFile(path, TARGETS)).toEqual((await loadLoraFile(path, TARGETS)).receipt);
});

test('inspecting refuses a value that is not finite, wherever in the file it is', async () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const path = write(`bad-${value}.safetensors`, [1, 2, value]);
    await expect(inspectLoraFile(path, TARGETS)).rejects.toThrow(`has ${value} in ${QUERY}.lora_down.weight`);
  }
});

test('factors that hold NaN or an infinity are refused', async () => {
  const path = write('nan.safetensors', [1, Number.NaN, 3]);
  await expect(loadLoraFile(path, TARGETS)).rejects.toThrow(
    `nan.safetensors has NaN in ${QUERY}.lora_down.weight; every value must be finite`,
  );
});
