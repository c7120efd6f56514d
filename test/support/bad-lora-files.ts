import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** LoRA files that are wrong in one way each, made for the golden checkpoint: what the golden data does not hold already. */

const DOWN = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight';
const UP = DOWN.replace('lora_down', 'lora_up');
const ALPHA = DOWN.replace('lora_down.weight', 'alpha');
/** Of the golden checkpoint's outermost level. */
const WIDTH = 32;
const RANK = 2;

interface Tensor {
  readonly dtype: string;
  readonly shape: unknown;
  readonly data_offsets: unknown;
}

const floats = (count: number, value = 0.5) => Buffer.from(new Float32Array(count).fill(value).buffer);
const MATRIX_BYTES = 4 * RANK * WIDTH;

/** A whole, good file's header and data, for others to spoil. */
const good = {
  header: {
    [DOWN]: { dtype: 'F32', shape: [RANK, WIDTH], data_offsets: [0, MATRIX_BYTES] },
    [UP]: { dtype: 'F32', shape: [WIDTH, RANK], data_offsets: [MATRIX_BYTES, 2 * MATRIX_BYTES] },
  } as Record<string, Tensor | Record<string, unknown>>,
  data: floats(2 * RANK * WIDTH),
};

function file(header: unknown, data: Buffer = good.data): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

function withEntry(name: string, change: Partial<Tensor>): Buffer {
  return file({ ...good.header, [name]: { ...good.header[name], ...change } });
}

function withValue(value: number): Buffer {
  const data = Buffer.from(good.data);
  data.writeFloatLE(value, MATRIX_BYTES + 4);
  return file(good.header, data);
}

function withExtra(entries: Record<string, Tensor>, data: Buffer): Buffer {
  return file({ ...good.header, ...entries }, Buffer.concat([good.data, data]));
}

const END = good.data.length;

export const BAD_LORA_FILES: Readonly<Record<string, Buffer>> = {
  'nan-values': withValue(Number.NaN),
  'infinite-values': withValue(Number.NEGATIVE_INFINITY),
  'nan-alpha': withExtra({ [ALPHA]: { dtype: 'F32', shape: [], data_offsets: [END, END + 4] } }, floats(1, Number.NaN)),
  'overlapping-spans': withEntry(UP, { data_offsets: [MATRIX_BYTES - 4, 2 * MATRIX_BYTES - 4] }),
  'hole-between-spans': withExtra({ other: { dtype: 'F32', shape: [1], data_offsets: [END + 4, END + 8] } }, floats(2)),
  'bytes-past-the-end': file(good.header, Buffer.concat([good.data, floats(1)])),
  'span-past-the-end': withEntry(UP, { data_offsets: [MATRIX_BYTES, 3 * MATRIX_BYTES], shape: [2 * WIDTH, RANK] }),
  'span-backwards': withEntry(UP, { data_offsets: [2 * MATRIX_BYTES, MATRIX_BYTES] }),
  'span-unlike-its-shape': withEntry(UP, { shape: [WIDTH, RANK + 1] }),
  'negative-shape': withEntry(UP, { shape: [-WIDTH, -RANK] }),
  'shape-of-words': withEntry(UP, { shape: 'wide' }),
  'offsets-of-three': withEntry(UP, { data_offsets: [0, 1, 2] }),
  'unknown-dtype': withEntry(UP, { dtype: 'F99' }),
  'whole-numbers': withEntry(DOWN, { dtype: 'I32' }),
  'entry-that-is-a-number': file({ ...good.header, [DOWN]: 1 as never }),
  'header-that-is-no-json': file('{"a": '),
  'header-that-is-a-list': file('[1, 2]'),
  'header-that-is-no-utf8': Buffer.concat([file('    ').subarray(0, 8), Buffer.from([0xff, 0xfe, 0xff, 0xfe])]),
  'metadata-that-is-a-number': file({ ...good.header, __metadata__: { rank: 4 } }),
  'no-bytes': Buffer.alloc(0),
  'seven-bytes': Buffer.alloc(7),
  'no-tensors': file({}, Buffer.alloc(0)),
  'half-a-pair': file({ [DOWN]: good.header[DOWN] }, good.data.subarray(0, MATRIX_BYTES)),
  'halves-of-two-ranks': file(
    {
      [DOWN]: good.header[DOWN],
      [UP]: { dtype: 'F32', shape: [WIDTH, 3], data_offsets: [MATRIX_BYTES, MATRIX_BYTES + 4 * 3 * WIDTH] },
    },
    Buffer.concat([good.data.subarray(0, MATRIX_BYTES), floats(3 * WIDTH)]),
  ),
};

export function writeBadLoras(folder: string): void {
  for (const [id, bytes] of Object.entries(BAD_LORA_FILES)) writeFileSync(join(folder, `${id}.safetensors`), bytes);
}
