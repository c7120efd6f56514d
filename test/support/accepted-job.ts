import type { AcceptedJob, JobOutcome } from '../../src/contract/job.ts';
import { LOCAL } from '../../src/contract/principal.ts';
import type { LoraReceipt } from '../../src/core/lora/receipt.ts';
import type { NewJob } from '../../src/store/job-journal.ts';

/** A job as it is after acceptance, and an outcome, for tests that run no model. */
export const ACCEPTED_JOB: AcceptedJob = {
  request: {
    model: 'tiny',
    model_sha256: 'aa',
    prompt: 'a pier',
    negative_prompt: '',
    width: 64,
    height: 64,
    steps: 3,
    guidance_scale: 0,
    guidance_rescale: 0,
    sampler: 'ddim',
    seed: 0,
    n: 1,
    loras: [],
    composition: { method: 'merge', scale: 1, text_encoder: 'all' },
    output: { format: 'png' },
  },
  loras: [],
  warnings: ['a warning'],
};

/** What a file says that was tried on a model. */
export const RECEIPT: LoraReceipt = {
  format: 'kohya',
  sha256: 'b'.repeat(64),
  matched: { unet: ['attention'], text_encoder: [] },
  unmatched: [],
  ranks: [4],
  alphas: [2],
};

export const OUTCOME: JobOutcome = {
  images: [],
  plan: [],
  passes: { full: 6, reuse: 0 },
  timings: { queued_ms: 1, load_loras_ms: 0, encode_text_ms: 2, denoise_ms: 3, decode_ms: 4, encode_image_ms: 5 },
  model: { id: 'tiny', sha256: 'aa' },
  device: 'cpu',
  version: '0.0.0',
  warnings: ['a warning'],
};

/** The same as it asks the journal to be admitted. */
export const NEW_JOB: NewJob = {
  owner: LOCAL.owner,
  job: ACCEPTED_JOB,
  priority: 'normal',
  deadlineMs: undefined,
  work: 10,
  kind: 'merge:0',
  idempotency: undefined,
  bounds: { waiting: 1000, outstanding: 1000 },
};
