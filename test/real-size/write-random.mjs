/** Safetensors files of random F16 tensors, written a tensor at a time so that gigabytes need no memory. The same seed, the same file. */

import { closeSync, openSync, writeSync } from 'node:fs';

/** Normal numbers to draw from. Enough that no pattern repeats within a row of any layer, few enough to stay in the processor's cache. */
const TABLE_SIZE = 4096;

/**
 * `tensors`: `{ name, dims, deviation }`, and `mean` where it is not 0. An `integers` list makes an I64 tensor instead, which is what
 * CLIP's files hold for the positions.
 */
export function writeRandomWeights(path, tensors, seed) {
  const next = xorshift32(seed);
  const normal = Float64Array.from({ length: TABLE_SIZE }, () => gaussian(next));
  let end = 0;
  const entries = tensors.map(({ name, dims, integers }) => {
    const start = end;
    end += count(dims) * (integers === undefined ? 2 : 8);
    return [name, { dtype: integers === undefined ? 'F16' : 'I64', shape: dims, data_offsets: [start, end] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, 'w');
  try {
    writeAll(file, Buffer.concat([length, header]));
    for (const tensor of tensors) writeAll(file, tensorBytes(tensor, normal, next));
  } finally {
    closeSync(file);
  }
}

function tensorBytes({ dims, deviation, mean = 0, integers }, normal, next) {
  if (integers !== undefined) return Buffer.from(BigInt64Array.from(integers, BigInt).buffer);
  const table = Uint16Array.from(normal, (value) => halfBits(mean + deviation * value));
  const halves = new Uint16Array(count(dims));
  for (let index = 0; index < halves.length; index++) halves[index] = table[next() % TABLE_SIZE];
  return Buffer.from(halves.buffer);
}

/** A write may take less than it is given: Linux stops at 2 GiB. */
function writeAll(file, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

function count(dims) {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Marsaglia, Xorshift RNGs, 2003. */
function xorshift32(seed) {
  let state = 2 * seed + 1; // never 0, where it would stay
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Box and Muller's transform. */
function gaussian(next) {
  const radius = Math.sqrt(-2 * Math.log((next() + 1) / 2 ** 32));
  return radius * Math.cos((2 * Math.PI * next()) / 2 ** 32);
}

/** The nearest binary16 of a number below 65,504 in size, as its bits: Node 20 has no Float16Array. */
function halfBits(value) {
  const size = Math.abs(value);
  const sign = value < 0 ? 0x8000 : 0;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24); // zero and subnormals
  const exponent = Math.floor(Math.log2(size));
  // A fraction that rounds up to 1024 carries into the exponent, as it should.
  return sign + ((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024);
}
