import { assert } from '../assert.ts';

/**
 * The discrete Fourier transform of any length, F(k) = sum_n x(n) exp(-2 pi i k n / N), not normalised: numpy's `fft`. Powers of two
 * by the radix-2 algorithm (Cooley, Tukey 1965), every other length by Bluestein's (1970), which turns it into a convolution whose
 * length is a power of two. The side of a latent is 8 to 128, of a picture up to 1024.
 */

/** Transforms in place. Both arrays have the length that the transform was made for. */
export type Fft = (re: Float64Array, im: Float64Array) => void;

/** The transform of `length` values, 1 or more, with its tables: make it once for many rows. */
export function fftOfLength(length: number): Fft {
  assert(Number.isInteger(length) && length >= 1, `a transform of ${length} values`);
  return (length & (length - 1)) === 0 ? radixTwo(length) : bluestein(length);
}

function radixTwo(length: number): Fft {
  const { cos, sin } = roots(length, length / 2);
  const source = reversedBits(length);
  return (re, im) => {
    for (let index = 0; index < length; index++) {
      const other = source[index] ?? 0;
      if (other > index) {
        swap(re, index, other);
        swap(im, index, other);
      }
    }
    for (let half = 1; half < length; half *= 2) butterflies({ re, im, half, length, cos, sin });
  };
}

/** One stage: transforms of `half` values in pairs become transforms of twice as many. */
function butterflies(stage: {
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly half: number;
  readonly length: number;
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}): void {
  const { re, im, half, length, cos, sin } = stage;
  const stride = length / (2 * half);
  for (let start = 0; start < length; start += 2 * half) {
    for (let offset = 0; offset < half; offset++) {
      const even = start + offset;
      const odd = even + half;
      const c = cos[offset * stride] ?? 0;
      const s = sin[offset * stride] ?? 0;
      const oddRe = (re[odd] ?? 0) * c + (im[odd] ?? 0) * s;
      const oddIm = (im[odd] ?? 0) * c - (re[odd] ?? 0) * s;
      re[odd] = (re[even] ?? 0) - oddRe;
      im[odd] = (im[even] ?? 0) - oddIm;
      re[even] = (re[even] ?? 0) + oddRe;
      im[even] = (im[even] ?? 0) + oddIm;
    }
  }
}

/**
 * With k n = (k^2 + n^2 - (k - n)^2) / 2 and the chirp w(n) = exp(-pi i n^2 / N), F(k) = w(k) sum_n [x(n) w(n)] conj(w(k - n)):
 * a convolution with the conjugate chirp, made circular by zeros.
 */
function bluestein(length: number): Fft {
  const padded = 2 ** Math.ceil(Math.log2(2 * length - 1));
  const transform = radixTwo(padded);
  const chirp = chirpOf(length);
  const kernel = { re: new Float64Array(padded), im: new Float64Array(padded) };
  for (let n = 0; n < length; n++) {
    for (const index of [n, (padded - n) % padded]) {
      kernel.re[index] = chirp.cos[n] ?? 0;
      kernel.im[index] = chirp.sin[n] ?? 0;
    }
  }
  transform(kernel.re, kernel.im);

  const re = new Float64Array(padded);
  const im = new Float64Array(padded);
  return (xRe, xIm) => {
    re.fill(0);
    im.fill(0);
    re.set(xRe);
    im.set(xIm);
    multiply({ re, im }, { re: chirp.cos, im: chirp.minusSin }, length);
    transform(re, im);
    multiply({ re, im }, kernel, padded);
    // The inverse transform is the transform with real and imaginary parts exchanged, divided by the length.
    transform(im, re);
    multiply({ re, im }, { re: chirp.cos, im: chirp.minusSin }, length);
    for (let k = 0; k < length; k++) {
      xRe[k] = (re[k] ?? 0) / padded;
      xIm[k] = (im[k] ?? 0) / padded;
    }
  };
}

/** n^2 is taken modulo 2 N, the chirp's period, so that its angle stays small and exact. */
function chirpOf(length: number): { readonly cos: Float64Array; readonly sin: Float64Array; minusSin: Float64Array } {
  const { cos, sin } = roots(2 * length, 2 * length);
  const squares = Array.from({ length }, (_, n) => (n * n) % (2 * length));
  return {
    cos: Float64Array.from(squares, (square) => cos[square] ?? 0),
    sin: Float64Array.from(squares, (square) => sin[square] ?? 0),
    minusSin: Float64Array.from(squares, (square) => -(sin[square] ?? 0)),
  };
}

/** Cosine and sine of 2 pi k / `period` for k from 0 to `count` - 1. */
function roots(period: number, count: number): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const angles = Float64Array.from({ length: count }, (_, k) => (2 * Math.PI * k) / period);
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) };
}

function reversedBits(length: number): Uint32Array {
  const reversed = new Uint32Array(length);
  for (let index = 1; index < length; index++) {
    reversed[index] = ((reversed[index >> 1] ?? 0) >> 1) | (index & 1 ? length >> 1 : 0);
  }
  return reversed;
}

function swap(values: Float64Array, one: number, other: number): void {
  const kept = values[one] ?? 0;
  values[one] = values[other] ?? 0;
  values[other] = kept;
}

interface Complex {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/** The first `count` values of `left`, in place, times those of `right`. */
function multiply(left: Complex, right: Complex, count: number): void {
  for (let index = 0; index < count; index++) {
    const a = left.re[index] ?? 0;
    const b = left.im[index] ?? 0;
    const c = right.re[index] ?? 0;
    const d = right.im[index] ?? 0;
    left.re[index] = a * c - b * d;
    left.im[index] = a * d + b * c;
  }
}
