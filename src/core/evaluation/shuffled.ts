import { mt19937 } from '../random/mt19937.ts';

/** A list in an order that the seed decides: Fisher and Yates. The same on every machine. */
export function shuffled<T>(values: readonly T[], seed: number): readonly T[] {
  const nextWord = mt19937(seed);
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor((nextWord() / 2 ** 32) * (last + 1));
    [result[last], result[other]] = [result[other] as T, result[last] as T];
  }
  return result;
}
