import type { LoraFormat, UnmatchedKey } from './lora-key.ts';
import type { ParsedLora } from './parse.ts';
import type { LoraComponent } from './target.ts';

/**
 * What a person is told about a LoRA file. Never made for a file that would do nothing: that is an error of the parser.
 */

/** What a LoRA file did and did not match in this checkpoint. Made from the file's header (and its alphas) alone. */
export interface LoraReceipt {
  readonly format: LoraFormat;
  readonly sha256: string;
  /** Modules that the file acts on, of each component. */
  readonly matched: Readonly<Record<LoraComponent, readonly string[]>>;
  /** Keys of the file that act on nothing here, each with the reason. Empty for a LoRA made for this base model. */
  readonly unmatched: readonly UnmatchedKey[];
  /** Distinct ranks, ascending. */
  readonly ranks: readonly number[];
  /** Distinct alphas, ascending. A module without an alpha counts as alpha = rank. */
  readonly alphas: readonly number[];
}

export function receiptOf(lora: ParsedLora, sha256: string): LoraReceipt {
  const modulesOf = (component: LoraComponent) =>
    lora.modules.filter(({ target }) => target.component === component).map(({ target }) => target.module);
  return {
    format: lora.format,
    sha256,
    matched: { unet: modulesOf('unet'), text_encoder: modulesOf('text_encoder') },
    unmatched: lora.unmatched,
    ranks: distinct(lora.modules.map(({ rank }) => rank)),
    alphas: distinct(lora.modules.map(({ alpha }) => alpha)),
  };
}

function distinct(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}
