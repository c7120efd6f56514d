import type { ConceptScores } from './picture-scores.ts';

/**
 * What the judge of concepts saw in a picture, held against the set of LoRAs that made it. What a LoRA stands for is data of the
 * testbed; so is what it covers, since nobody can be blamed for what cannot be seen.
 */

/** A LoRA as far as its pictures can be judged. Slots are the judge's: `fur`, `garment`, `background`. */
export interface JudgedLora {
  /** The judge's name for its concept. */
  readonly id: string;
  /** Values that its concept has: a brown bear. */
  readonly fixes: Readonly<Record<string, string>>;
  /** Values that most of its training pictures had, and that are no part of the concept. */
  readonly habits: Readonly<Record<string, string>>;
  /** Slots that its concept covers or replaces, so that they can no longer be read. */
  readonly hides: readonly string[];
}

/** What was seen. A slot that the judge does not know is absent. */
export interface Sight {
  readonly concepts: ReadonlySet<string>;
  readonly slots: Readonly<Record<string, string>>;
}

export function conceptScores(loras: readonly JudgedLora[], seen: Sight): ConceptScores {
  const wanted = new Set(loras.map(({ id }) => id));
  const found = [...seen.concepts].filter((name) => wanted.has(name)).length;
  return {
    found,
    wanted: wanted.size,
    strangers: seen.concepts.size - found,
    leakage: shareThatShows(uninvited(loras), seen),
    binding: shareThatShows(fixed(loras), seen),
  };
}

type SlotValue = readonly [slot: string, value: string];

/** Habits in slots that no LoRA of the set fixes or covers: what the picture has there is its own choice. */
function uninvited(loras: readonly JudgedLora[]): readonly SlotValue[] {
  const taken = new Set(loras.flatMap(({ fixes, hides }) => [...Object.keys(fixes), ...hides]));
  return loras.flatMap(({ habits }) => Object.entries(habits).filter(([slot]) => !taken.has(slot)));
}

/** What is fixed and not covered. Where two LoRAs fix one slot, each counts: the picture can please one of them only. */
function fixed(loras: readonly JudgedLora[]): readonly SlotValue[] {
  const hidden = new Set(loras.flatMap(({ hides }) => hides));
  return loras.flatMap(({ fixes }) => Object.entries(fixes).filter(([slot]) => !hidden.has(slot)));
}

function shareThatShows(values: readonly SlotValue[], { slots }: Sight): number | null {
  const readable = values.filter(([slot]) => Object.hasOwn(slots, slot));
  if (readable.length === 0) return null;
  return readable.filter(([slot, value]) => slots[slot] === value).length / readable.length;
}
