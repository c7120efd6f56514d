/** Stops a programmer error where it happens. Bad input is never asserted: it is an `InputError` from `problem.ts`. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
