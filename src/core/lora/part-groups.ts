import type { LoraPart } from './lora-key.ts';
import type { LoraComponent, LoraTarget } from './target.ts';

/**
 * The keys of a LoRA file, gathered by the module that they belong to. The step between reading single keys and judging a file: here
 * nothing is judged yet.
 */

/** A key that is part of a module, and what it means. */
export type NamedPart = LoraPart & { readonly key: string };

/** The tensors of one module, as the file names it. */
export interface PartGroup {
  readonly component: LoraComponent;
  readonly name: string;
  readonly target: LoraTarget | undefined;
  readonly down: NamedPart | undefined;
  readonly up: NamedPart | undefined;
  readonly alpha: NamedPart | undefined;
  /** Parts that the module has twice, under two spellings. */
  readonly doubled: readonly NamedPart[];
}

/** A group that acts on a layer of the checkpoint. */
export type MatchedPair = PartGroup & {
  readonly target: LoraTarget;
  readonly down: NamedPart;
  readonly up: NamedPart;
};

export function isMatchedPair(group: PartGroup): group is MatchedPair {
  return group.target !== undefined && group.down !== undefined && group.up !== undefined;
}

/** In the order in which the file first names each module. */
export function groupByModule(parts: readonly NamedPart[]): readonly PartGroup[] {
  const groups = new Map<string, PartGroup>();
  for (const part of parts) {
    const { component, name, target } = part;
    const id = target === undefined ? `${component}:?${name}` : `${component}:${target.module}`;
    const none = { down: undefined, up: undefined, alpha: undefined, doubled: [] };
    const group = groups.get(id) ?? { component, name, target, ...none };
    const isNew = group[part.part] === undefined;
    groups.set(id, isNew ? { ...group, [part.part]: part } : { ...group, doubled: [...group.doubled, part] });
  }
  return [...groups.values()];
}
