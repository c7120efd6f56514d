import { assert } from '../assert.ts';

/** Peak signal to noise of two 8-bit pictures in decibels: infinite for equal ones. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  assert(a.length === b.length && a.length > 0, `pictures of ${a.length} and ${b.length} bytes`);
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += ((a[index] ?? 0) - (b[index] ?? 0)) ** 2;
  return 10 * Math.log10((255 * 255 * a.length) / sum);
}
