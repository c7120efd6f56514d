import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { assert } from '../../src/core/assert.ts';
import { decodeFloats, isFloatDtype } from '../../src/core/safetensors/decode-floats.ts';
import { parseSafetensorsHeader } from '../../src/core/safetensors/header.ts';

/** Copies of a checkpoint whose weights are stored in another way. */

const WEIGHT_FILES = ['text_encoder/model', 'unet/diffusion_pytorch_model', 'vae/diffusion_pytorch_model'];

export interface FloatEncoding {
  readonly dtype: 'F32' | 'BF16';
  encode(values: Float32Array): Uint8Array;
}

export const asFloat32: FloatEncoding = {
  dtype: 'F32',
  encode: (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
};

/** Cuts the fraction short: the upper half of each float32. */
export const asBfloat16: FloatEncoding = {
  dtype: 'BF16',
  encode: (values) => {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    return new Uint8Array(Uint16Array.from(bits, (word) => word >>> 16).buffer);
  },
};

export async function copyCheckpoint(source: string, target: string, encoding: FloatEncoding): Promise<void> {
  await cp(source, target, { recursive: true });
  for (const stem of WEIGHT_FILES) {
    const path = join(target, `${stem}.safetensors`);
    await writeFile(path, reencode(await readFile(path), encoding));
  }
}

/** Splits every weight file of a checkpoint into `count` shards with an index, named as diffusers names them. */
export async function shardCheckpoint(directory: string, count: number): Promise<void> {
  for (const stem of WEIGHT_FILES) {
    const path = join(directory, `${stem}.safetensors`);
    const file = await readFile(path);
    const entries = [...parseSafetensorsHeader(file, file.length, 'test').entries.values()];
    const map: Record<string, string> = {};
    for (let shard = 0; shard < count; shard++) {
      const name = `${stem}-${number(shard + 1)}-of-${number(count)}.safetensors`;
      const share = Math.ceil(entries.length / count);
      const part = entries.slice(shard * share, (shard + 1) * share);
      for (const entry of part) map[entry.name] = basename(name);
      const tensors = part.map((entry) => ({ ...entry, bytes: file.subarray(entry.start, entry.end) }));
      await writeFile(join(directory, name), safetensorsFile(tensors));
    }
    await writeFile(`${path}.index.json`, JSON.stringify({ metadata: { total_size: file.length }, weight_map: map }));
    await rm(path);
  }
}

function number(count: number): string {
  return String(count).padStart(5, '0');
}

export function safetensorsFile(
  tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly dims: readonly number[];
    readonly bytes: Uint8Array;
  }[],
): Uint8Array {
  let offset = 0;
  const rows = tensors.map(({ name, dtype, dims, bytes }) => {
    const start = offset;
    offset += bytes.length;
    return [name, { dtype, shape: dims, data_offsets: [start, offset] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(rows)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return Buffer.concat([length, header, ...tensors.map(({ bytes }) => bytes)]);
}

function reencode(file: Uint8Array, { dtype, encode }: FloatEncoding): Uint8Array {
  const { entries } = parseSafetensorsHeader(file, file.length, 'test');
  return safetensorsFile(
    [...entries.values()].map((entry) => {
      assert(isFloatDtype(entry.dtype), `${entry.name} is a float tensor`);
      const bytes = encode(decodeFloats(file.subarray(entry.start, entry.end), entry.dtype));
      return { name: entry.name, dtype, dims: entry.dims, bytes };
    }),
  );
}
