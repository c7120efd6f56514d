import { assert } from '../assert.ts';
import { elementCount, type Tensor } from '../tensor/tensor.ts';
import { cos, log, sin } from './float32.ts';
import { mt19937 } from './mt19937.ts';

/**
 * Noise: `torch.randn(dims, generator=g)` with one `g = torch.Generator('cpu').manual_seed(seed)`, bit for bit, draw after draw, so
 * that a seed means the same picture here as in diffusers. Torch has two ways to make normals, and which one it takes depends on the
 * count alone: float32 in groups of sixteen, or one by one in double precision. Both are the Box-Muller transform (1958).
 *
 * Bit for bit means torch on x86-64 with AVX2 or better; other machines round the logarithm and the sine otherwise.
 */

/** Values that torch's vector path makes at a time: eight radii and eight angles become eight cosines and eight sines. */
const GROUP = 16;
const HALF_GROUP = GROUP / 2;

/** Draws standard normal noise of a shape; each draw goes on where the one before it ended. */
export type NoiseSource = (dims: readonly number[]) => Tensor;

/** `seed` is an integer from 0 to 2^53 - 1. */
export function torchGenerator(seed: number): NoiseSource {
  assert(Number.isSafeInteger(seed) && seed >= 0, `seed is ${seed}; must be an integer from 0 to 2^53 - 1`);
  const nextWord = mt19937(seed);
  const nextNormal = normalsOneByOne(nextWord);
  return (dims) => {
    const data = new Float32Array(elementCount(dims));
    if (data.length < GROUP) for (let index = 0; index < data.length; index++) data[index] = nextNormal();
    else fillInGroups(data, nextWord);
    return { data, dims };
  };
}

/** The first draw of a seed. */
export function randn(seed: number, dims: readonly number[]): Tensor {
  return torchGenerator(seed)(dims);
}

function fillInGroups(data: Float32Array, nextWord: () => number): void {
  fillUniform(data, nextWord);
  for (let start = 0; start + GROUP <= data.length; start += GROUP) {
    normalsFromUniforms(data.subarray(start, start + GROUP));
  }
  if (data.length % GROUP !== 0) {
    // A last group that is not whole is taken with the values before it, all sixteen from new uniforms.
    const last = data.subarray(data.length - GROUP);
    fillUniform(last, nextWord);
    normalsFromUniforms(last);
  }
}

/** Uniform in [0, 1): the low 24 bits of a word, the precision of a float32. */
function fillUniform(data: Float32Array, nextWord: () => number): void {
  for (let index = 0; index < data.length; index++) data[index] = (nextWord() & 0xffffff) / 2 ** 24;
}

/** Box-Muller over one group, in place, every operation rounded to float32. */
function normalsFromUniforms(group: Float32Array): void {
  const { fround } = Math;
  const twoPi = fround(2 * Math.PI);
  for (let index = 0; index < HALF_GROUP; index++) {
    const radius = fround(Math.sqrt(-2 * log(1 - (group[index] ?? 0))));
    const angle = fround(twoPi * (group[index + HALF_GROUP] ?? 0));
    // Adding the mean, 0, turns a negative zero into a positive one.
    group[index] = fround(radius * cos(angle)) + 0;
    group[index + HALF_GROUP] = fround(radius * sin(angle)) + 0;
  }
}

/**
 * Box-Muller in double precision. A pair of uniforms gives two normals; the second waits for the next call, as in torch, where it
 * outlives the draw, and also draws of sixteen and more in between, which leave it alone.
 */
function normalsOneByOne(nextWord: () => number): () => number {
  let waiting: number | undefined;
  return () => {
    if (waiting !== undefined) {
      const second = waiting;
      waiting = undefined;
      return second;
    }
    const angle = 2 * Math.PI * uniformDouble(nextWord);
    const radius = Math.sqrt(-2 * Math.log1p(-uniformDouble(nextWord)));
    waiting = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** Uniform in [0, 1): 53 bits of two words, the first of which is the high one. */
function uniformDouble(nextWord: () => number): number {
  const high = nextWord() & 0x1fffff;
  return (high * 2 ** 32 + nextWord()) / 2 ** 53;
}
