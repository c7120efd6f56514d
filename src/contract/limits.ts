/** Every bound on a request, in one place; those on safetensors files are in `core/safetensors/header.ts`. Sizes in pixels are those of the CPU default; a deployment may raise them by setting. */
export const LIMITS = {
  loras: 16,
  /** Absolute value of a LoRA weight. */
  loraWeight: 4,
  /** Trigger phrases of a LoRA. */
  triggers: 32,
  /** Patches along a side of a latent. */
  patches: 128,
  promptBytes: 8 * 1024,
  stepsMin: 1,
  stepsMax: 150,
  sideMin: 64,
  sideMax: 1024,
  /** Width and height are multiples of this: the VAE's factor. */
  sideMultiple: 8,
  imagesMax: 8,
  /** Previews of one generation: they lie in its stream of events, 20 kB each at most. */
  previewsMax: 64,
  guidanceScaleMax: 50,
  /** Seeds are what torch's generator takes and JSON carries exactly: 0 to 2^53 - 1. */
  seedMax: Number.MAX_SAFE_INTEGER,
  /** Seconds for which an answer may be held back until a generation has finished. */
  waitSMax: 60,
  /** The longest time that a request may give itself to be done. */
  deadlineMsMax: 7 * 24 * 3600 * 1000,
  idempotencyKeyCharacters: 255,
  /** Seconds for which an idempotency key is remembered. */
  idempotencyS: 24 * 3600,
  webhookUrlCharacters: 2048,
  bodyBytes: 256 * 1024,
  /** Of an uploaded LoRA's file. One of rank 128 for Stable Diffusion 1.5 has 150 MB. */
  loraBytes: 1024 * 1024 * 1024,
  /** Uploads that a gateway receives at once; more are told to come again. */
  uploads: 8,
  /** Silence after which an upload is given up. */
  uploadSilenceMs: 30_000,
  /** One message of an upload over gRPC. */
  uploadChunkBytes: 1024 * 1024,
  /** What an uploader may say of a LoRA in words of their own. */
  metadataFields: 32,
  /** Uploaded LoRAs of one owner. */
  lorasOfOwner: 10_000,
  /** Of a list, at once. */
  pageMax: 1000,
  /** Of a link to a picture that needs no key. */
  linkLifetimeSMax: 7 * 24 * 3600,
} as const;
