/**
 * Float32 arithmetic as a vector unit with fused multiply-add does it, bit for bit: `fma`, and the natural logarithm, sine and
 * cosine of the Cephes library (S. Moshier, logf.c and sinf.c) in the operation order of torch's AVX2 kernels. Serves
 * `torch-generator.ts` alone: no other part of Overtone depends on the last bit.
 *
 * Every argument and result is a float32 value in a JavaScript number.
 */

const { fround } = Math;

/** a * b + c, rounded once. Results are taken to be normal numbers or zero. */
export function fma(a: number, b: number, c: number): number {
  const product = a * b; // Exact: 24 bits times 24 bits fit into the 53 of a double.
  const sum = product + c;
  const rounded = fround(sum);
  if (rounded === sum) return rounded;
  // The sum was rounded to a double and then to a float. That differs from one rounding only where the double lies exactly half-way
  // between two floats, which is so exactly if its mirror image `other` is a float too. Then what the double lost decides.
  const other = sum + (sum - rounded);
  if (fround(other) !== other) return rounded;
  const back = sum - product;
  const lost = product - (sum - back) + (c - back); // Knuth's TwoSum: exact.
  if (lost === 0) return rounded;
  return lost > 0 ? Math.max(rounded, other) : Math.min(rounded, other);
}

const SQRT_HALF = fround(Math.SQRT1_2);
const LOG_COEFFICIENTS = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(fround);
/** ln 2 in two parts, of which the first has few bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = fround(-2.1219444e-4);

/** Natural logarithm of a normal positive x. */
export function log(x: number): number {
  // x = mantissa * 2^exponent, with the mantissa brought into sqrt(1/2) .. sqrt(2), and then 1 taken from it.
  let exponent = Math.floor(Math.log2(x)) + 1;
  let mantissa = x * 2 ** -exponent;
  if (mantissa < SQRT_HALF) {
    exponent -= 1;
    mantissa *= 2;
  }
  const m = mantissa - 1;
  const square = fround(m * m);
  const cubic = fround(polynomial(LOG_COEFFICIENTS, m) * m);
  const tail = fround(fma(cubic, square, fround(exponent * LN2_LOW)) - 0.5 * square);
  return fround(fround(m + tail) + exponent * LN2_HIGH);
}

const FOUR_OVER_PI = fround(4 / Math.PI);
/** pi / 4 in three parts, for a subtraction that loses nothing. */
const QUARTER_PI = [0.78515625, 2.4187564849853516e-4, fround(3.774894977445941e-8)] as const;
const SINE_COEFFICIENTS = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(fround);
const COSINE_COEFFICIENTS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(fround);

/** Sine of 0 <= x <= 2 pi. */
export function sin(x: number): number {
  const octant = evenOctant(x);
  const rest = withoutOctant(x, octant);
  const size = (octant & 2) === 0 ? sineNearZero(rest) : cosineNearZero(rest);
  return (octant & 4) === 0 ? size : -size;
}

/** Cosine of 0 <= x <= 2 pi. */
export function cos(x: number): number {
  const octant = evenOctant(x);
  const rest = withoutOctant(x, octant);
  const size = (octant & 2) === 0 ? cosineNearZero(rest) : sineNearZero(rest);
  return ((octant - 2) & 4) === 0 ? -size : size;
}

/** The multiple of pi / 4 nearest to x among 0, 2, 4, 6, 8. */
function evenOctant(x: number): number {
  return (Math.trunc(fround(x * FOUR_OVER_PI)) + 1) & ~1;
}

function withoutOctant(x: number, octant: number): number {
  return fma(octant, -QUARTER_PI[2], fround(fround(x - octant * QUARTER_PI[0]) - octant * QUARTER_PI[1]));
}

/** -pi/4 <= x <= pi/4. */
function sineNearZero(x: number): number {
  const square = fround(x * x);
  return fma(fround(polynomial(SINE_COEFFICIENTS, square) * square), x, x);
}

/** -pi/4 <= x <= pi/4. */
function cosineNearZero(x: number): number {
  const square = fround(x * x);
  const quartic = fround(polynomial(COSINE_COEFFICIENTS, square) * square);
  return fround(fma(quartic, square, -0.5 * square) + 1);
}

/** Horner's rule, highest power first. */
function polynomial(coefficients: readonly number[], x: number): number {
  let sum = coefficients[0] ?? 0;
  for (let index = 1; index < coefficients.length; index++) sum = fma(sum, x, coefficients[index] ?? 0);
  return sum;
}
