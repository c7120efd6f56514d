import type { Cut } from './method.ts';

/**
 * A composition with nothing left implicit. Fields keep the wire's snake_case, because this very value is what a person reads in a
 * result and in a picture's recipe. Meanings and defaults: section B.7 of the CMLoRA specification (docs/cmlora.md).
 */

export const METHOD_NAMES = ['merge', 'cmlora'] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

/** `all`: every adapter's text part at once. `own`: each pass with its own adapter's encoding. `none`: the plain text encoder. */
export type TextEncoderPolicy = 'all' | 'own' | 'none';

export interface MergeComposition {
  readonly method: 'merge';
  readonly text_encoder: 'all' | 'none';
}

export type RefreshPolicy = 'leader' | 'on_turn' | 'oldest_first' | 'all';

export interface CmloraComposition {
  readonly method: 'cmlora';
  readonly preset: 'quality' | 'fast' | 'reference';
  /** Which set leads first. `interleaved` takes turns through one list that alternates high and low. */
  readonly direction: 'high_first' | 'low_first' | 'interleaved';
  /** What decides the phase: the frequency classes, before the first evaluation. */
  readonly mode: 'offline';
  /** Trajectory fraction u = 1 - t/1000 at which the second set takes over. */
  readonly phase_at: number;
  readonly late_set: 'low' | 'all' | 'all_but_first';
  /** Evaluations that a leader leads: `near` both ends of the trajectory, `middle` where u lies within `bounds`. */
  readonly turn: { readonly near: number; readonly middle: number; readonly bounds: readonly [number, number] };
  readonly weights: {
    /** Dominance coefficient c; `n_minus_half` is N - 0.5. c = 1 weighs all alike. */
    readonly initial: 'n_minus_half' | number;
    readonly decay: 'none' | 'geometric';
    readonly floor: number;
  };
  readonly refresh: {
    readonly policy: RefreshPolicy;
    readonly every: number;
    /** Evaluations after which a cache is computed again whatever the policy says. */
    readonly max_age: number;
    /** First evaluations at which every adapter runs in full. */
    readonly warm_up: number;
    /** Last evaluations at which every adapter runs in full. */
    readonly forced_end: number;
  };
  /** How much a reuse pass computes; `none` caches nothing. */
  readonly cut: Cut | 'none';
  /** What is kept of an adapter: the deep feature of its last full pass. */
  readonly cache: 'feature';
  /** Whose unconditional prediction guides: each adapter's own. */
  readonly uncond: 'per_lora';
  readonly text_encoder: TextEncoderPolicy;
  /**
   * Request ids of all adapters in leading order. Null: the sets one after the other, each in request order. The classes still say
   * who is in which set; within a set, and where all lead, this order holds.
   */
  readonly order: readonly string[] | null;
}

export type Composition = MergeComposition | CmloraComposition;

/** A composition as a request names it: only what shall differ from the preset. `resolve-composition.ts` fills in the rest. */
export type RequestedComposition = RequestedMerge | RequestedCmlora;

export type RequestedMerge = Pick<MergeComposition, 'method'> & Partial<MergeComposition>;

type CmloraGroup = 'turn' | 'weights' | 'refresh';

export type RequestedCmlora = Pick<CmloraComposition, 'method'> &
  Partial<Omit<CmloraComposition, CmloraGroup | 'cut' | 'order'>> & {
    readonly [Group in CmloraGroup]?: Partial<CmloraComposition[Group]>;
  } & {
    /** `outer` is the cut that computes least: { level: 0, layers: 1 }. */
    readonly cut?: CmloraComposition['cut'] | 'outer';
    readonly order?: readonly string[];
  };
