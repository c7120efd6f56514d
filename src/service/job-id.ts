/**
 * Ids of jobs: 26 characters of Crockford's base 32, in lower case, that sort by time. The first 10 are the time in milliseconds,
 * the other 16 are 80 random bits, so that an id cannot be guessed. No colon: BullMQ allows none.
 */

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
export const RANDOM_BYTES = 16;

/** `random` is `RANDOM_BYTES` bytes, of which 5 bits each are used. */
export function makeJobId(timeMs: number, random: Uint8Array): string {
  let time = '';
  for (let rest = timeMs; time.length < TIME_CHARACTERS; rest = Math.floor(rest / 32)) time = character(rest) + time;
  return time + Array.from(random.subarray(0, RANDOM_BYTES), character).join('');
}

export function isJobId(text: string): boolean {
  return /^[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}

function character(value: number): string {
  return ALPHABET.charAt(value % 32);
}
