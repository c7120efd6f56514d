import type { Cut } from './method.ts';

/**
 * A composition with nothing left implicit. Fields keep the wire's snake_case, because this very value is what a person reads in a
 * result and in a picture's recipe. Meanings and defaults: section B.7 of the CMLoRA specification (docs/cmlora.md).
 */

export const METHOD_NAMES = [
  'merge',
  'lorahub',
  'switch',
  'switch-a',
  'w-switch',
  'composite',
  'w-composite',
  'delta-composite',
  'loratorio-like',
  'cmlora',
] as const;
export type MethodName = (typeof METHOD_NAMES)[number];

/**
 * `all`: every adapter's text part at once. `own`: each pass with its own adapter's encoding. `first`: each pass with the encoding of
 * the request's first adapter. `none`: the plain text encoder.
 */
export type TextEncoderPolicy = 'all' | 'own' | 'first' | 'none';

export interface MergeComposition {
  readonly method: 'merge';
  /** Multiplies every adapter's weight; what tuned Merge finds. */
  readonly scale: number;
  readonly text_encoder: Extract<TextEncoderPolicy, 'all' | 'none'>;
}

/** One number for each adapter of the request, in its order. */
export type AdapterWeights = readonly { readonly id: string; readonly weight: number }[];

export interface LorahubComposition {
  readonly method: 'lorahub';
  /** Multiplies each adapter's weight; found by a search. */
  readonly weights: AdapterWeights;
  readonly text_encoder: Extract<TextEncoderPolicy, 'all' | 'none'>;
}

export interface SwitchComposition {
  readonly method: 'switch';
  /** Evaluations for which one adapter acts before the next takes over. */
  readonly tau: number;
  readonly text_encoder: TextEncoderPolicy;
}

export interface SwitchAComposition {
  readonly method: 'switch-a';
  readonly tau: number;
  /** Trajectory fraction u at which the low set takes over from the high one. */
  readonly phase_at: number;
  readonly text_encoder: TextEncoderPolicy;
}

/** What the methods that weigh adapters by the prompt are told and find. */
export interface PromptWeighing {
  /** The phrases of the prompt that call each adapter, in request order. */
  readonly triggers: readonly { readonly id: string; readonly phrases: readonly string[] }[];
  /** In proportion, 0 or more. Null: found from the text encoder before the first evaluation, and then they sum to 1. */
  readonly weights: AdapterWeights | null;
}

export interface WSwitchComposition extends PromptWeighing {
  readonly method: 'w-switch';
  /** Evaluations for which the adapter of the largest weight acts; the others in proportion. */
  readonly tau: number;
  /** Who acts at the last evaluations, whoever's turn it is; null without adapters. */
  readonly closing: { readonly id: string | null; readonly evaluations: number };
  readonly text_encoder: TextEncoderPolicy;
}

export interface CompositeComposition {
  readonly method: 'composite';
  readonly text_encoder: Exclude<TextEncoderPolicy, 'first'>;
}

export interface WCompositeComposition extends PromptWeighing {
  readonly method: 'w-composite';
  readonly text_encoder: Exclude<TextEncoderPolicy, 'first'>;
}

export interface DeltaCompositeComposition {
  readonly method: 'delta-composite';
  /** How much of each adapter's difference from the plain model is added. */
  readonly scale: number;
  /** Whose unconditional prediction guides: composed like the other half, or the plain model's alone. */
  readonly uncond: 'per_lora' | 'base';
  readonly text_encoder: Exclude<TextEncoderPolicy, 'first'>;
}

export interface LoratorioLikeComposition {
  readonly method: 'loratorio-like';
  /** Patches along a side of the latent, each with weights of its own. */
  readonly patches: number;
  /** Of the softmin over the adapters' similarities to the plain model: small ones let one adapter have a patch alone. */
  readonly temperature: number;
  readonly text_encoder: Exclude<TextEncoderPolicy, 'first'>;
}

export type RefreshPolicy = 'leader' | 'on_turn' | 'oldest_first' | 'all';

export interface CmloraComposition {
  readonly method: 'cmlora';
  readonly preset: 'quality' | 'fast' | 'reference';
  /** Which set leads first. `interleaved` takes turns through one list that alternates high and low. */
  readonly direction: 'high_first' | 'low_first' | 'interleaved';
  /** What decides which set leads: the trajectory's fraction, or the latent of each image while it is made. */
  readonly mode: 'offline' | 'online';
  /**
   * `online`: the high band of a latent below which the second set takes over. Null: the base model's own median at `phase_at`, which
   * is measured before the first evaluation.
   */
  readonly threshold: number | null;
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
  /**
   * What is kept of an adapter's last full pass. `feature`: its deep feature. `delta`: that less the plain model's at the same
   * evaluation, and a reuse pass adds the plain model's of its own evaluation: one pass of the plain model more, and no vote from an
   * old latent. `forecast`: the features of its last two full passes, and a reuse pass starts from where they were heading.
   */
  readonly cache: 'feature' | 'delta' | 'forecast';
  /** Whose unconditional prediction guides: each adapter's own, folded, or the plain model's alone. */
  readonly uncond: 'per_lora' | 'base';
  readonly text_encoder: Exclude<TextEncoderPolicy, 'first'>;
  /**
   * Request ids of all adapters in leading order. Null: the sets one after the other, each in request order. The classes still say
   * who is in which set; within a set, and where all lead, this order holds.
   */
  readonly order: readonly string[] | null;
  /** `reference` adds those faults of the authors' code that change pictures, to compare with: core/sequencer/reference-turns.ts. */
  readonly parity: 'none' | 'reference';
}

export type Composition =
  | MergeComposition
  | LorahubComposition
  | SwitchComposition
  | SwitchAComposition
  | WSwitchComposition
  | CompositeComposition
  | WCompositeComposition
  | DeltaCompositeComposition
  | LoratorioLikeComposition
  | CmloraComposition;

/** A composition as a request names it: only what shall differ from the default. `resolve-composition.ts` fills in the rest. */
export type RequestedComposition =
  | Requested<MergeComposition>
  | Requested<LorahubComposition>
  | Requested<SwitchComposition>
  | Requested<SwitchAComposition>
  | (RequestedWeighing<Omit<WSwitchComposition, 'closing'>> & {
      readonly closing?: { readonly id?: string; readonly evaluations?: number };
    })
  | Requested<CompositeComposition>
  | RequestedWeighing<WCompositeComposition>
  | Requested<DeltaCompositeComposition>
  | Requested<LoratorioLikeComposition>
  | RequestedCmlora;

type Requested<Of extends { readonly method: MethodName }> = Pick<Of, 'method'> & Partial<Of>;

type RequestedWeighing<Of extends PromptWeighing & { readonly method: MethodName }> = Requested<Omit<Of, 'weights'>> & {
  readonly weights?: AdapterWeights;
};

type CmloraGroup = 'turn' | 'weights' | 'refresh';

export type RequestedCmlora = Pick<CmloraComposition, 'method'> &
  Partial<Omit<CmloraComposition, CmloraGroup | 'cut' | 'order' | 'threshold'>> & {
    readonly [Group in CmloraGroup]?: Partial<CmloraComposition[Group]>;
  } & {
    /** `outer` is the cut that computes least: { level: 0, layers: 1 }. */
    readonly cut?: CmloraComposition['cut'] | 'outer';
    readonly order?: readonly string[];
    readonly threshold?: number;
  };
