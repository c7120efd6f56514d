/** What is known of one evaluated picture. Judged parts are null where there is no judge for them. */
export interface PictureScores {
  readonly method: string;
  /** Index of its set among those that were evaluated. */
  readonly set: number;
  /** Which of the set's noises it started from: 0, 1, ... */
  readonly seed: number;
  /** 100 max(cos, 0) of picture and triggers. */
  readonly clipScore: number | null;
  /** Of length 1, in the space of the CLIP. */
  readonly embedding: Float32Array | null;
  readonly concepts: ConceptScores | null;
  /** Decibels to the picture of the method's reference, from the same noise. */
  readonly psnr: number | null;
  /** Null where the picture shared calls with others, whose time cannot be told apart. */
  readonly seconds: number | null;
  readonly passes: { readonly full: number; readonly reuse: number };
  /** Passes in units of a full one, by multiplications. */
  readonly fullPasses: number;
  readonly peakBytes: number | null;
}

/** What the judge of concepts sees in a picture. Shares are null where there is nothing to see. */
export interface ConceptScores {
  /** How many of the set's concepts are there, of how many. */
  readonly found: number;
  readonly wanted: number;
  /** Concepts that are there though no LoRA of the set stands for them. */
  readonly strangers: number;
  /** Of the habits of the set's LoRAs that nobody asked for: the share that shows. */
  readonly leakage: number | null;
  /** Of what the set's LoRAs fix in the base world (a brown bear): the share that is as it should. */
  readonly binding: number | null;
}
