import { assert } from '../assert.ts';

/**
 * Kernel inception distance: how far two clouds of pictures are apart in the space of a judge. The unbiased estimate of the squared
 * maximum mean discrepancy under k(x, y) = (x·y / d + 1)^3, so it is 0 on average where the clouds are alike, and can be below.
 *
 * Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 3. There features are Inception's; here they are a CLIP's embeddings of
 * length sqrt(d), for which x·y / d is their cosine. So figures compare with one another, and not with other people's.
 */

/** Each at least two vectors, all of one length. */
export function kernelDistance(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  assert(a.length > 1 && b.length > 1, 'a distance is of at least two pictures on either side');
  return meanWithin(a) + meanWithin(b) - 2 * meanBetween(a, b);
}

/** Over all pairs of two different vectors. */
function meanWithin(vectors: readonly Float32Array[]): number {
  let sum = 0;
  for (const [index, x] of vectors.entries()) {
    for (const y of vectors.slice(index + 1)) sum += kernel(x, y);
  }
  return sum / ((vectors.length * (vectors.length - 1)) / 2);
}

function meanBetween(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let sum = 0;
  for (const x of a) for (const y of b) sum += kernel(x, y);
  return sum / (a.length * b.length);
}

/** Of vectors of length 1, whose product is the cosine. */
function kernel(x: Float32Array, y: Float32Array): number {
  let product = 0;
  for (let index = 0; index < x.length; index++) product += (x[index] ?? 0) * (y[index] ?? 0);
  return (product + 1) ** 3;
}
