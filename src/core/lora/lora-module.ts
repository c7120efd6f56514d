import type { AdapterMetadata } from './adapter-metadata.ts';
import type { MatchedPair } from './part-groups.ts';
import type { LoraTarget } from './target.ts';

/** A LoRA file as its safetensors header describes it, and one layer of it. */

export interface LoraFile {
  /** Names the file in messages. */
  readonly subject: string;
  readonly tensors: ReadonlyMap<string, LoraTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** The values of the tensors that `alphaKeysOf` names. */
  readonly alphas: ReadonlyMap<string, number>;
}

export interface LoraTensor {
  readonly dtype: string;
  readonly dims: readonly number[];
}

/** A layer and where its factors lie in the file. */
export interface LoraModule {
  readonly target: LoraTarget;
  /** Key of the tensor [rank, inputWidth], with or without two trailing 1s. */
  readonly down: string;
  /** Key of the tensor [outputWidth, rank], with or without two trailing 1s. */
  readonly up: string;
  readonly rank: number;
  readonly alpha: number;
  /** What the product of the factors is multiplied by: alpha / rank, or alpha / sqrt(rank) where the file says so. */
  readonly scale: number;
}

/** Keys whose values the parser needs: scalars, a few bytes each. */
export function alphaKeysOf(tensors: LoraFile['tensors']): readonly string[] {
  return [...tensors].filter(([key, { dims }]) => key.endsWith('.alpha') && isScalar(dims)).map(([key]) => key);
}

/** The layer's own alpha goes before that of the metadata; with neither, the scale is 1, as for diffusers and kohya. */
export function moduleOf(pair: MatchedPair, file: LoraFile, metadata: AdapterMetadata): LoraModule {
  const { target, down, up, alpha } = pair;
  const rank = dimsOf(file, down.key)[0] ?? 0;
  const scaling =
    alpha === undefined
      ? metadata.scalingOf(target.component, target.module, rank)
      : scaledBy(file.alphas.get(alpha.key) ?? Number.NaN, rank);
  return { target, down: down.key, up: up.key, rank, ...(scaling ?? { alpha: rank, scale: 1 }) };
}

export function dimsOf(file: LoraFile, key: string): readonly number[] {
  return file.tensors.get(key)?.dims ?? [];
}

function scaledBy(alpha: number, rank: number) {
  return { alpha, scale: alpha / rank };
}

function isScalar(dims: readonly number[]): boolean {
  return dims.every((dim) => dim === 1);
}
