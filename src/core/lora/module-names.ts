import type { LoraComponent, LoraTarget } from './target.ts';

/**
 * The one table between a checkpoint's modules and the names that LoRA files give them. It is made from the checkpoint's own
 * targets and read backwards: kohya writes `_` for every `.`, so `to_out_0` alone does not say where the dots were, and nothing
 * here guesses.
 */

export interface ModuleNames {
  /** By path, as diffusers and PEFT write it: `down_blocks.0.attentions.0.proj_in`. */
  byPath(component: LoraComponent, path: string): LoraTarget | undefined;
  /** By path with `_` for every `.`, as kohya writes it: `down_blocks_0_attentions_0_proj_in`. */
  byUnderscoreName(component: LoraComponent, name: string): LoraTarget | undefined;
}

export function moduleNamesOf(targets: readonly LoraTarget[]): ModuleNames {
  const byPath = new Map(targets.map((target) => [key(target.component, target.module), target]));
  const byUnderscoreName = new Map(
    targets.map((target) => [key(target.component, target.module.replaceAll('.', '_')), target]),
  );
  return {
    byPath: (component, path) => byPath.get(key(component, path)),
    byUnderscoreName: (component, name) => byUnderscoreName.get(key(component, name)),
  };
}

/** transformers 5 drops the level `text_model` that older checkpoints and every LoRA file have; here it never counts. */
const OPTIONAL_LEVEL = /^text_model[._]/;

function key(component: LoraComponent, name: string): string {
  return `${component}:${component === 'text_encoder' ? name.replace(OPTIONAL_LEVEL, '') : name}`;
}
