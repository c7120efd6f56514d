/**
 * Which LoRAs are tried together: ComposLoRA's rule. A set has one LoRA of the leading category (a character) and one each of N-1
 * others; every such choice is a set. Three characters, two each of four other categories make 24, 72, 96 and 48 sets of 2 to 5.
 *
 * Zhong et al., "Multi-LoRA Composition for Image Generation", utils.py `generate_combinations` at cac122a.
 */

export interface LoraOfCategory {
  readonly id: string;
  readonly category: string;
}

export const LEADING_CATEGORY = 'character';

/** Ids of each set: the leading category first, the others in the order in which `loras` first names them; sets in theirs. */
export function setsByRule(loras: readonly LoraOfCategory[], size: number): readonly (readonly string[])[] {
  const categories = [...new Set(loras.map(({ category }) => category))].filter((name) => name !== LEADING_CATEGORY);
  const members = (name: string) => loras.filter(({ category }) => category === name).map(({ id }) => id);
  return combinations(categories, size - 1).flatMap((others) => product([LEADING_CATEGORY, ...others].map(members)));
}

/** All choices of `count`, each in the order of `values`. */
function combinations(values: readonly string[], count: number): readonly (readonly string[])[] {
  if (count === 0) return [[]];
  return values.flatMap((value, index) =>
    combinations(values.slice(index + 1), count - 1).map((rest) => [value, ...rest]),
  );
}

/** One of each list in every way; the last list runs fastest. */
function product(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return lists.reduce<readonly (readonly string[])[]>(
    (starts, list) => starts.flatMap((start) => list.map((value) => [...start, value])),
    [[]],
  );
}
