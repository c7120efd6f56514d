import type { LoraComponent } from './target.ts';

export type LoraFormat = 'kohya' | 'diffusers' | 'peft';

/** What a LoRA file did and did not match in this checkpoint. Made from the file's header (and its alphas) alone. */
export interface LoraReceipt {
  readonly format: LoraFormat;
  readonly sha256: string;
  /** Modules that the file acts on, of each component. */
  readonly matched: Readonly<Record<LoraComponent, readonly string[]>>;
  /** Keys of the file that act on nothing here, each with the reason. Empty for a LoRA made for this base model. */
  readonly unmatched: readonly { readonly key: string; readonly reason: string }[];
  /** Distinct ranks, ascending. */
  readonly ranks: readonly number[];
  /** Distinct alphas, ascending. A module without an alpha counts as alpha = rank. */
  readonly alphas: readonly number[];
}
