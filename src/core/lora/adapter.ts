import type { LoraComponent } from './target.ts';

/**
 * The low-rank factors of one module, laid out as the graphs want them. The module's output gains `weight * (x·a)·b`:
 * alpha / rank is already folded into `b`, the request's weight is not.
 */
export interface LowRankFactors {
  readonly rank: number;
  /** [inputWidth, rank], row-major. */
  readonly a: Float32Array;
  /** [rank, outputWidth], row-major. */
  readonly b: Float32Array;
}

/** A loaded LoRA. */
export interface Adapter {
  /** sha256 of the file, in hex: what it is, whatever it is called. */
  readonly sha256: string;
  /** Factors by module path, for each component. A component the file does not touch is an empty map. */
  readonly factors: Readonly<Record<LoraComponent, ReadonlyMap<string, LowRankFactors>>>;
}

/** An adapter at a weight, as one forward pass uses it. An empty list of uses is the plain base model. */
export interface AdapterUse {
  /** The adapter's sha256. */
  readonly adapter: string;
  readonly weight: number;
}
