import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LoraFolder, openLoraFolder } from '../../../src/files/lora-folder.ts';
import { TARGETS } from '../../support/lora-targets.ts';
import { writeSafetensors } from '../../support/write-safetensors.ts';

const QUERY = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';

let root: string;
let directory: string;
let folder: LoraFolder;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'overtone-'));
  directory = join(root, 'loras');
  mkdirSync(directory);
  folder = openLoraFolder(directory);
});

afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, value = 1): string {
  writeSafetensors(path, {
    [`${QUERY}.lora_down.weight`]: { dims: [1, 3], values: [value, 2, 3] },
    [`${QUERY}.lora_up.weight`]: { dims: [5, 1], values: [1, 2, 3, 4, 5] },
  });
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

test('an id is the stem of a safetensors file, in order', async () => {
  write(join(directory, 'paper cut.v2.safetensors'));
  write(join(directory, 'ink.safetensors'));
  writeFileSync(join(directory, 'readme.txt'), '');
  mkdirSync(join(directory, 'folder.safetensors'));
  expect((await folder.list()).map(({ id }) => id)).toEqual(['ink', 'paper cut.v2']);
});

test('a LoRA is found by id and by sha256', async () => {
  const sha256 = write(join(directory, 'ink.safetensors'));
  const path = await folder.find('ink');
  expect(path).toMatch(/ink\.safetensors$/);
  expect(await folder.find(sha256)).toBe(path);
  expect(await folder.inspect('ink', TARGETS)).toMatchObject({ sha256 });
});

test('a LoRA that comes, changes or goes after the folder was read is noticed', async () => {
  const longAgo = new Date(Date.now() - 60_000);
  const ids = async () => (await folder.list()).map(({ id }) => id);
  const first = write(join(directory, 'ink.safetensors'));
  utimesSync(directory, longAgo, longAgo);
  expect(await ids()).toEqual(['ink']);
  expect(await folder.inspect('ink', TARGETS)).toMatchObject({ sha256: first });
  write(join(directory, 'fox.safetensors'));
  utimesSync(directory, new Date(longAgo.getTime() + 1), new Date(longAgo.getTime() + 1));
  expect(await ids()).toEqual(['fox', 'ink']);
  const second = write(join(directory, 'ink.safetensors'), 7);
  expect(await folder.inspect('ink', TARGETS)).toMatchObject({ sha256: second });
  rmSync(join(directory, 'ink.safetensors'));
  expect(await folder.inspect('ink', TARGETS)).toBeUndefined();
});

test('what is not there is not found', async () => {
  expect(await folder.find('ink')).toBeUndefined();
  expect(await folder.find('0'.repeat(64))).toBeUndefined();
  expect(await folder.inspect('ink', TARGETS)).toBeUndefined();
});

test('a file that was found and has gone since is no LoRA, and one that is no LoRA says so', async () => {
  write(join(directory, 'ink.safetensors'));
  writeFileSync(join(directory, 'notes.safetensors'), 'no tensors');
  const [path, notes] = [await folder.find('ink'), await folder.find('notes')];
  expect(await folder.inspectFile(path ?? '', TARGETS)).toMatchObject({ format: 'kohya' });
  await expect(folder.inspectFile(notes ?? '', TARGETS)).rejects.toThrow('notes.safetensors');
  rmSync(path ?? '');
  expect(await folder.inspectFile(path ?? '', TARGETS)).toBeUndefined();
});

test('no name and no link leads out of the folder', async () => {
  write(join(root, 'outside.safetensors'));
  symlinkSync(join(root, 'outside.safetensors'), join(directory, 'link.safetensors'));
  symlinkSync(join(root, 'nowhere'), join(directory, 'broken.safetensors'));
  for (const id of ['../outside', join(root, 'outside'), 'link', 'broken', '.', '', 'x\0']) {
    expect(await folder.find(id)).toBeUndefined();
  }
});

test('a link within the folder is a LoRA', async () => {
  write(join(directory, 'ink.safetensors'));
  symlinkSync('ink.safetensors', join(directory, 'alias.safetensors'));
  expect((await folder.list()).map(({ id }) => id)).toEqual(['alias', 'ink']);
});

test('a file that changes is read again', async () => {
  const before = write(join(directory, 'ink.safetensors'));
  expect(await folder.find(before)).toBeDefined();
  rmSync(join(directory, 'ink.safetensors'));
  const after = write(join(directory, 'ink.safetensors'), 7);
  expect(await folder.find(after)).toBeDefined();
  expect(await folder.find(before)).toBeUndefined();
});
