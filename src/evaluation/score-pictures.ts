import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { InputError } from '../core/problem.ts';
import { pixelsSha256, readRgbPicture, squareOf } from '../files/rgb-picture.ts';
import type { Journal } from './journal.ts';

/**
 * What the judges see in a picture, looked at once: what was seen is kept under the judge's hash and the pixels' hash, so a picture
 * that two methods made alike, or that a later run meets again, is not judged again.
 */

/** A CLIP; `engine/clip-judge.ts` is one. */
export interface ClipScorer {
  readonly sha256: string;
  readonly sidePx: number;
  embedPicture(picture: RgbImage): Promise<Float32Array>;
  embedText(text: string): Promise<{ readonly embedding: Float32Array; readonly truncated: boolean }>;
}

/** `engine/concept-judge.ts` is one. */
export interface ConceptScorer {
  readonly sha256: string;
  readonly sidePx: number;
  look(picture: RgbImage): Promise<ConceptSight>;
}

export interface ConceptSight {
  readonly concepts: readonly number[];
  readonly slots: readonly number[];
}

/** Either may be missing; what it would say is then unknown. */
export interface Judges {
  readonly clip: ClipScorer | undefined;
  readonly concepts: ConceptScorer | undefined;
}

export interface Journals {
  readonly clip: Journal<{ readonly embedding: string }>;
  readonly concepts: Journal<ConceptSight>;
}

export interface Seen {
  readonly embedding: Float32Array | null;
  readonly sight: ConceptSight | null;
}

/** A picture that is read only if somebody has to look at it. */
export interface LazyPicture {
  readonly pixels_sha256: string;
  readonly read: () => Promise<RgbImage>;
}

export async function see(picture: LazyPicture, judges: Judges, journals: Journals): Promise<Seen> {
  const { clip, concepts } = judges;
  // Read at most once, however many judges look.
  let pixels: Promise<RgbImage> | undefined;
  const read = (): Promise<RgbImage> => {
    pixels ??= picture.read();
    return pixels;
  };
  return {
    embedding: clip === undefined ? null : await embeddingOf(picture.pixels_sha256, read, clip, journals.clip),
    sight: concepts === undefined ? null : await sightOf(picture.pixels_sha256, read, concepts, journals.concepts),
  };
}

async function embeddingOf(
  sha256: string,
  read: () => Promise<RgbImage>,
  judge: ClipScorer,
  journal: Journals['clip'],
): Promise<Float32Array> {
  const key = `${judge.sha256} ${sha256}`;
  const known = journal.find(key);
  if (known !== undefined) return fromBase64(known.embedding);
  const embedding = await judge.embedPicture(await squareOf(await read(), judge.sidePx));
  await journal.add(key, { embedding: toBase64(embedding) });
  return embedding;
}

async function sightOf(
  sha256: string,
  read: () => Promise<RgbImage>,
  judge: ConceptScorer,
  journal: Journals['concepts'],
): Promise<ConceptSight> {
  const key = `${judge.sha256} ${sha256}`;
  const known = journal.find(key);
  if (known !== undefined) return known;
  const { concepts, slots } = await judge.look(await squareOf(await read(), judge.sidePx));
  const sight = { concepts, slots };
  await journal.add(key, sight);
  return sight;
}

/** The vector of a text, kept like those of pictures. */
export async function embedText(text: string, judge: ClipScorer, journal: Journals['clip']): Promise<Float32Array> {
  const key = `${judge.sha256} text ${createHash('sha256').update(text).digest('hex')}`;
  const known = journal.find(key);
  if (known !== undefined) return fromBase64(known.embedding);
  const { embedding } = await judge.embedText(text);
  await journal.add(key, { embedding: toBase64(embedding) });
  return embedding;
}

/** A picture of an evaluation's folder. Reading throws an InputError where its pixels are not those that were drawn. */
export function pictureFile(
  folder: string,
  { file, pixels_sha256 }: { readonly file: string; readonly pixels_sha256: string },
): LazyPicture {
  return {
    pixels_sha256,
    async read() {
      const picture = await readRgbPicture(join(folder, file));
      if (pixelsSha256(picture) === pixels_sha256) return picture;
      const message = `${file} has been changed since it was drawn; remove it, and it is drawn again`;
      throw new InputError([{ code: 'malformed_file', subject: file, message }]);
    },
  };
}

/** 100 max(cos, 0), as torchmetrics' `clip_score`; of vectors of length 1. */
export function clipScore(picture: Float32Array, text: Float32Array): number {
  let cosine = 0;
  for (let index = 0; index < picture.length; index++) cosine += (picture[index] ?? 0) * (text[index] ?? 0);
  return 100 * Math.max(cosine, 0);
}

function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function fromBase64(text: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
}
