/**
 * The order of rows in a call whose LoRA factors are given once for each set. The graphs read row r with set
 * floor(r / (rows / sets)), so rows of one set must lie together and every set must have the same number of rows. Pure.
 */

export interface RowArrangement {
  /** For each place in the call, the index of the row that stands there. */
  readonly order: readonly number[];
  /** For each set that is fed, the index of a row that has it. */
  readonly sets: readonly number[];
}

/**
 * Groups rows by the key of their LoRA set. Sets with different numbers of rows are fed more than once: with 4 and 2 rows the
 * first is fed twice and the second once, with 2 rows each. With `onePerSet` every row is fed a set of its own.
 */
export function arrangeRows(setKeys: readonly string[], options: { readonly onePerSet: boolean }): RowArrangement {
  const rowsOfSet = new Map<string, number[]>();
  setKeys.forEach((key, row) => {
    const rows = rowsOfSet.get(key);
    if (rows === undefined) rowsOfSet.set(key, [row]);
    else rows.push(row);
  });
  // By key, so that the same sets come in the same order whoever was first, and their stacked factors are found in the cache.
  const groups = [...rowsOfSet.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rows]) => rows);
  const rowsPerSet = options.onePerSet ? 1 : groups.map((rows) => rows.length).reduce(greatestCommonDivisor, 0);
  const order = groups.flat();
  return { order, sets: order.filter((_, place) => place % rowsPerSet === 0) };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
