/**
 * A map that keeps what was set last, at least `size` entries and at most twice as many. Of two halves the older is dropped whole: to
 * take single entries off the front of a Map costs a walk over all that were taken before.
 */
export interface Recent<Value> {
  get(name: string): Value | undefined;
  set(name: string, value: Value): void;
}

export function keepRecent<Value>(size: number): Recent<Value> {
  let newer = new Map<string, Value>();
  let older = new Map<string, Value>();
  return {
    get: (name) => newer.get(name) ?? older.get(name),
    set(name, value) {
      if (newer.size >= size && !newer.has(name)) {
        older = newer;
        newer = new Map();
      }
      newer.set(name, value);
    },
  };
}
