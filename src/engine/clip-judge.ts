import type { ClipModel } from '../compiler/clip-model.ts';
import { compileClipText, compileClipVision } from '../compiler/models/clip-towers.ts';
import { assert } from '../core/assert.ts';
import { planesFromRgb } from '../core/image/planes-from-rgb.ts';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { createClipTokenizer } from './clip-tokenizer.ts';
import { type Device, Session } from './session.ts';

/**
 * A CLIP that says how well pictures fit texts. Both become vectors of length 1, whose product is the cosine that CLIPScore is made
 * of. One picture a call: in a call of several, the last bits of a row depend on how many there are, and an evaluation that was
 * interrupted must end as one that was not.
 */
export interface ClipJudge {
  readonly sha256: string;
  /** Pictures must be this many pixels wide and high. */
  readonly sidePx: number;
  embedPicture(picture: RgbImage): Promise<Float32Array>;
  /** `truncated` says whether some of the text had no room. */
  embedText(text: string): Promise<{ readonly embedding: Float32Array; readonly truncated: boolean }>;
  close(): Promise<void>;
}

export async function openClipJudge(
  model: ClipModel,
  options: { readonly device: Device; readonly threads: number },
): Promise<ClipJudge> {
  const { config, directory, pixels: scale, tokenizer } = model;
  const tokenize = createClipTokenizer(tokenizer);
  const endId = tokenizer.vocabulary['<|endoftext|>'] ?? 0;
  const open = (bytes: Uint8Array) => Session.open({ bytes, directory, keepsMemory: true, ...options });
  const text = await open(compileClipText(model).bytes);
  const vision = await open(compileClipVision(model).bytes);

  return {
    sha256: model.sha256,
    sidePx: config.vision.imageSize,

    async embedPicture(picture) {
      const { imageSize } = config.vision;
      const isWhole = picture.width === imageSize && picture.height === imageSize;
      assert(isWhole, `the judge looks at ${imageSize}x${imageSize}, not ${picture.width}x${picture.height}`);
      const outputs = await vision.run(new Map([['pixels', planesFromRgb(picture, scale)]]), ['embedding']);
      return unit(outputs.get('embedding')?.data ?? new Float32Array());
    },

    async embedText(words) {
      const { ids, truncated } = tokenize(words);
      const feed = { data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] };
      const outputs = await text.run(new Map([['ids', feed]]), ['embeddings']);
      const all = outputs.get('embeddings')?.data ?? new Float32Array();
      const start = ids.indexOf(endId) * config.embeddingWidth;
      return { embedding: unit(all.subarray(start, start + config.embeddingWidth)), truncated };
    },

    async close() {
      await text.close();
      await vision.close();
    },
  };
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  assert(length > 0, 'an embedding has a length');
  return vector.map((value) => value / length);
}
