/**
 * One call for all who ask the same in one turn of the event loop; it begins when everybody in that turn has been heard. Who comes
 * while a call is under way waits for the next one. So nobody gets an answer that is older than their question.
 */
export function sharedCalls<T>(call: (key: string) => Promise<T>): (key: string) => Promise<T> {
  /** The latest call of each key, until it has ended. */
  const latest = new Map<string, { hasBegun: boolean; answer: Promise<T> }>();

  async function callAfter(before: Promise<T> | undefined, key: string): Promise<T> {
    await before?.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    const turn = latest.get(key);
    if (turn !== undefined) turn.hasBegun = true;
    try {
      return await call(key);
    } finally {
      if (latest.get(key) === turn) latest.delete(key);
    }
  }

  return (key) => {
    const turn = latest.get(key);
    if (turn !== undefined && !turn.hasBegun) return turn.answer;
    const answer = callAfter(turn?.answer, key);
    latest.set(key, { hasBegun: false, answer });
    return answer;
  };
}
