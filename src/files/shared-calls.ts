/**
 * One call for all who ask the same at one moment. Who comes while a call is under way waits for the next one, which begins after
 * they came: so nobody gets an answer that is older than their question.
 */
export function sharedCalls<T>(call: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const turns = new Map<string, { readonly running: Promise<T>; next: Promise<T> | undefined }>();
  const ask = (key: string): Promise<T> => {
    const turn = turns.get(key);
    if (turn !== undefined) {
      const again = () => ask(key);
      turn.next ??= turn.running.then(again, again);
      return turn.next;
    }
    const running = call(key);
    turns.set(key, { running, next: undefined });
    const end = () => turns.delete(key);
    running.then(end, end);
    return running;
  };
  return ask;
}
