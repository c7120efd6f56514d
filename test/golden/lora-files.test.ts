import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { loraTargetsOf } from '../../src/compiler/lora-targets.ts';
import type { LoraTarget } from '../../src/core/lora/target.ts';
import { InputError } from '../../src/core/problem.ts';
import { inspectLoraFile, loadLoraFile } from '../../src/files/lora-file.ts';
import { readGoldenCheckpoint } from '../support/golden-checkpoint.ts';
import { goldenJson } from '../support/golden-data.ts';

/** Every LoRA file of the golden data against what diffusers' own loader made of it: layers, ranks and alphas. */

interface ExpectedModule {
  readonly part: 'unet' | 'text_encoder';
  readonly path: string;
  readonly rank: number;
  readonly alpha: number;
}

const expected = goldenJson('lora-modules.json') as Readonly<Record<string, readonly ExpectedModule[]>>;

let targets: readonly LoraTarget[];

beforeAll(async () => {
  targets = loraTargetsOf(await readGoldenCheckpoint());
});

function pathOf(name: string): string {
  return join(import.meta.dirname, 'loras', `${name}.safetensors`);
}

/** transformers 5 has no `text_model` level, the checkpoint's file has. */
function bare(module: string): string {
  return module.replace(/^text_model\./, '');
}

test.each(Object.keys(expected))('%s acts on the layers that diffusers finds, at the same ranks', async (name) => {
  const { adapter } = await loadLoraFile(pathOf(name), targets);
  const found = (['unet', 'text_encoder'] as const).flatMap((part) =>
    [...adapter.factors[part]].map(([module, { rank }]) => ({ part, path: bare(module), rank })),
  );
  const inOrder = (one: { path: string }, other: { path: string }) => (one.path < other.path ? -1 : 1);
  const wanted = (expected[name] ?? []).map(({ part, path, rank }) => ({ part, path: bare(path), rank }));
  expect(found.sort(inOrder)).toEqual(wanted.sort(inOrder));
});

test.each(Object.keys(expected))('the receipt of %s has the ranks and alphas that diffusers applies', async (name) => {
  const receipt = await inspectLoraFile(pathOf(name), targets);
  const modules = expected[name] ?? [];
  const distinct = (values: readonly number[]) => [...new Set(values)].sort((one, other) => one - other);
  expect(receipt.format).toBe(name.startsWith('legacy') ? 'diffusers' : name.split('-')[0]);
  expect(receipt.ranks).toEqual(distinct(modules.map(({ rank }) => rank)));
  expect(receipt.alphas).toEqual(distinct(modules.map(({ alpha }) => alpha)));
  expect(receipt.unmatched).toEqual([]);
  expect(receipt.sha256).toMatch(/^[0-9a-f]{64}$/);
});

test.each([
  ['sdxl', 'lora_wrong_base'],
  ['other-width', 'lora_wrong_base'],
  ['nothing-matches', 'lora_no_match'],
  ['truncated', 'malformed_file'],
  ['header-claims-2gb', 'malformed_file'],
])('%s is refused as %s', async (name, code) => {
  const error: unknown = await inspectLoraFile(pathOf(`bad/${name}`), targets).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  expect(new Set((error as InputError).problems.map((problem) => problem.code))).toEqual(new Set([code]));
  expect((error as InputError).message).toContain(`${name}.safetensors`);
});
