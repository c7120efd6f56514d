/** Ids of stream entries, `<milliseconds>-<sequence>`: what SSE sends as an event's id and gRPC as its resume token. */

/** Before every entry. */
export const FIRST_ENTRY = '0-0';

const ENTRY_ID = /^(\d{1,15})-(\d{1,15})$/;

export function isEntryId(text: string): boolean {
  return ENTRY_ID.test(text);
}

/** Whether `id` comes after `other` in their stream. */
export function isAfter(id: string, other: string): boolean {
  const [milliseconds, sequence] = partsOf(id);
  const [otherMilliseconds, otherSequence] = partsOf(other);
  return milliseconds === otherMilliseconds ? sequence > otherSequence : milliseconds > otherMilliseconds;
}

function partsOf(id: string): readonly [number, number] {
  const [, milliseconds, sequence] = ENTRY_ID.exec(id) ?? [];
  return [Number(milliseconds), Number(sequence)];
}
