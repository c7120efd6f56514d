import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { InputError } from '../../../src/core/problem.ts';
import { readSafetensors, readSafetensorsHeader, readTensors } from '../../../src/files/safetensors-file.ts';
import { safetensorsFile } from '../../support/rewrite-weights.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-safetensors-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

const f32 = (...values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);

const FILE = safetensorsFile([
  { name: 'a', dtype: 'F32', dims: [3], bytes: f32(1, 2, 3) },
  { name: 'half', dtype: 'F16', dims: [1, 2], bytes: Uint8Array.of(0x00, 0x3c, 0x00, 0xc0) },
  { name: 'ids', dtype: 'I64', dims: [1], bytes: new Uint8Array(8) },
]);

test('tensors are read in the order that is asked for, each as float32', async () => {
  const path = await write('good.safetensors', FILE);
  const { entries } = await readSafetensorsHeader(path);
  const [a, half] = [entries.get('a'), entries.get('half')];
  if (a === undefined || half === undefined) throw new Error('the file has both');
  expect(await readTensors(path, [half, a])).toEqual([Float32Array.of(1, -2), Float32Array.of(1, 2, 3)]);
});

test('a file that is read whole gives the same tensors, and its bytes', async () => {
  const path = await write('whole.safetensors', FILE);
  const whole = await readSafetensors(path);
  const entries = [...whole.entries.values()].filter(({ dtype }) => dtype !== 'I64');
  expect(entries.map(whole.tensor)).toEqual(await readTensors(path, entries));
  expect(Buffer.compare(whole.bytes, FILE)).toBe(0);
});

test('a tensor that holds no floats is refused by name', async () => {
  const path = await write('ids.safetensors', FILE);
  const ids = (await readSafetensorsHeader(path)).entries.get('ids');
  if (ids === undefined) throw new Error('the file has it');
  await expect(readTensors(path, [ids])).rejects.toThrow('ids.safetensors: tensor ids has dtype I64');
  const whole = await readSafetensors(path);
  expect(() => whole.tensor(ids)).toThrow('ids.safetensors: tensor ids has dtype I64');
});

test('a truncated file is refused by its header alone', async () => {
  const path = await write('short.safetensors', FILE);
  await truncate(path, FILE.length - 1);
  await expect(readSafetensorsHeader(path)).rejects.toThrow(InputError);
  await truncate(path, 20);
  await expect(readSafetensorsHeader(path)).rejects.toThrow('short.safetensors: is truncated');
  await truncate(path, 0);
  await expect(readSafetensorsHeader(path)).rejects.toThrow('short.safetensors: has 0 bytes');
});

test('a header that claims 2 GB is refused before that is allocated, in a file that is as long', async () => {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, 2_000_000_000n, true);
  const path = await write('huge.safetensors', length);
  // Sparse: takes no room on disk.
  await truncate(path, 3_000_000_000);
  await expect(readSafetensorsHeader(path)).rejects.toThrow('claims a header of 2000000000 bytes');
});

test('messages call the file what the caller calls it', async () => {
  const path = await write('empty.safetensors', new Uint8Array(0));
  await expect(readSafetensorsHeader(path, 'unet/x.safetensors')).rejects.toThrow('unet/x.safetensors: has 0 bytes');
});
