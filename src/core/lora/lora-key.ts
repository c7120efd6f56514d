import type { LoraComponent, LoraTarget } from './target.ts';

/**
 * What one key of a LoRA file means: the common ground of the key styles. A reader of a style answers `undefined` for a key that is
 * not of its style.
 */
export type LoraKey =
  | LoraPart
  /** A key of a kind of adapter that cannot be applied, such as DoRA: to leave it out would change what the LoRA means. */
  | { readonly kind: 'unsupported'; readonly method: string }
  /** A name that only another family of base models has. */
  | { readonly kind: 'foreign'; readonly base: string }
  /** A key that acts on nothing here. */
  | { readonly kind: 'unmatched'; readonly reason: string };

export type LoraFormat = 'kohya' | 'diffusers' | 'peft';

/** A key that acts on nothing here, and why. */
export interface UnmatchedKey {
  readonly key: string;
  readonly reason: string;
}

/** One of the tensors of a module. */
export interface LoraPart {
  readonly kind: 'part';
  readonly format: LoraFormat;
  readonly part: 'down' | 'up' | 'alpha';
  readonly component: LoraComponent;
  /** The module's name as the file writes it. */
  readonly name: string;
  /** The layer of that name, where the checkpoint has one. */
  readonly target: LoraTarget | undefined;
}

/** Tensors that make an adapter something else than a LoRA, in the spellings of kohya's LyCORIS and of PEFT. */
const OTHER_METHODS: readonly (readonly [RegExp, string])[] = [
  [/\.(dora_scale|lora_magnitude_vector)(\.|$)/, 'DoRA'],
  [/\.hada_(w\d|t\d)/, 'LoHa'],
  [/\.lokr_(w\d|t\d)/, 'LoKr'],
  [/\.(oft_blocks|oft_diag|oft_R|oft_r)(\.|$)/, 'OFT'],
  [/\.(a1|a2|b1|b2)\.weight$/, 'GLoRA'],
  [/\.(diff|diff_b)$/, 'full weight differences'],
  [/\.(lora_B|lora_up)\.bias$/, 'LoRA with biases'],
  [/\.(on_input|ia3_l)(\.|$)/, 'IA3'],
];

export function otherMethodOf(key: string): string | undefined {
  return OTHER_METHODS.find(([pattern]) => pattern.test(key))?.[1];
}

/** Why a name that the table does not have acts on nothing, as well as the name tells. */
export function reasonUnmatched(name: string): string {
  if (/time_emb/.test(name)) return 'a time-embedding layer; LoRAs act on attention and feed-forward layers here';
  if (/(^|[._])conv(\d|_|$)|[._]conv$|(up|down)samplers/.test(name)) {
    return 'a convolution; LoRAs act on linear layers here';
  }
  return 'the checkpoint has no LoRA layer of this name';
}
