/**
 * The Mersenne Twister: the stream of 32-bit integers under torch's CPU generator, as seeded by `manual_seed`. Knows nothing of
 * floats or normals; `torch-generator.ts` makes those.
 *
 * Matsumoto, Nishimura: "Mersenne Twister", ACM TOMACS 8(1), 1998, with the seeding of 2002.
 */

const STATE_WORDS = 624;
/** Distance of the word that is mixed in (m of the paper). */
const MIDDLE_WORD = 397;
const TWIST = 0x9908b0df;
/** Knuth's multiplier for filling the state from one word (TAOCP vol. 2, 3rd ed., p. 106). */
const SEED_MULTIPLIER = 1812433253;

/** Returns a function that gives the next word, 0 to 2^32 - 1, at each call. Only the low 32 bits of the seed count, as in torch. */
export function mt19937(seed: number): () => number {
  const state = seededState(seed);
  let position = STATE_WORDS;
  return () => {
    if (position === STATE_WORDS) {
      twist(state);
      position = 0;
    }
    return temper(state[position++] ?? 0);
  };
}

function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE_WORDS);
  // Storing into a Uint32Array takes a number modulo 2^32, which is exact for any seed up to 2^53.
  state[0] = seed;
  for (let index = 1; index < STATE_WORDS; index++) {
    const previous = state[index - 1] ?? 0;
    state[index] = Math.imul(SEED_MULTIPLIER, previous ^ (previous >>> 30)) + index;
  }
  return state;
}

/** Moves the whole state on, in place. */
function twist(state: Uint32Array): void {
  for (let index = 0; index < STATE_WORDS; index++) {
    const next = state[(index + 1) % STATE_WORDS] ?? 0;
    const mixed = ((state[index] ?? 0) & 0x80000000) | (next & 0x7fffffff);
    const middle = state[(index + MIDDLE_WORD) % STATE_WORDS] ?? 0;
    state[index] = middle ^ (mixed >>> 1) ^ ((next & 1) * TWIST);
  }
}

function temper(word: number): number {
  let y = word;
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  y ^= y >>> 18;
  return y >>> 0;
}
