import { createHash } from 'node:crypto';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import { encodeImage } from '../files/encode-image.ts';
import { recipeOf } from '../files/recipe.ts';
import { describePlan } from '../pipeline/describe-plan.ts';
import type { ResolvedGeneration } from '../pipeline/resolve-request.ts';
import type { Journal } from './journal.ts';

/**
 * Draws the pictures of an evaluation that are not there yet, one at a time, and writes down what each took. A picture is known by its
 * recipe, which holds everything that decides its pixels; so a changed model, LoRA or option draws anew, and nothing else does.
 */

/** A picture that is there, and what it took. */
export interface DrawnPicture {
  /** Its file, relative to the evaluation's folder. */
  readonly file: string;
  readonly pixels_sha256: string;
  readonly passes: { readonly full: number; readonly reuse: number };
  /** Passes in units of a full one, by multiplications. */
  readonly full_passes: number;
  readonly seconds: number;
  /** Largest resident size of the process while it was drawn. */
  readonly peak_bytes: number;
}

/** What draws: `pipeline/generate.ts` over an engine. */
export type Draw = (request: ResolvedRequest) => AsyncIterable<PipelineEvent>;

export interface Brush {
  readonly model: ModelDescriptor;
  readonly draw: Draw;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Bytes that the process holds at this moment. */
  readonly residentBytes: () => number;
}

/** What a picture is known by. */
export function keyOf(request: ResolvedRequest): string {
  return createHash('sha256').update(recipeOf(request, 0)).digest('hex');
}

/** The picture of this request, where it has been drawn and its file is still there. */
export async function findPicture(
  folder: string,
  journal: Journal<DrawnPicture>,
  request: ResolvedRequest,
): Promise<DrawnPicture | undefined> {
  const known = journal.find(keyOf(request));
  if (known === undefined) return undefined;
  const isThere = await stat(join(folder, known.file)).then(
    (found) => found.isFile(),
    () => false,
  );
  return isThere ? known : undefined;
}

/** Draws a picture, writes it to `file` in the folder and into the journal. */
export async function drawPicture(
  resolved: ResolvedGeneration,
  { folder, file }: { readonly folder: string; readonly file: string },
  journal: Journal<DrawnPicture>,
  brush: Brush,
): Promise<DrawnPicture> {
  const { request } = resolved;
  const start = brush.now();
  let peakBytes = brush.residentBytes();
  let image: Extract<PipelineEvent, { readonly type: 'image' }> | undefined;
  let done: Extract<PipelineEvent, { readonly type: 'done' }> | undefined;
  for await (const event of brush.draw(request)) {
    peakBytes = Math.max(peakBytes, brush.residentBytes());
    if (event.type === 'image') image = event;
    if (event.type === 'done') done = event;
  }
  const seconds = (brush.now() - start) / 1000;
  assert(image !== undefined && done !== undefined, 'a generation ends with an image and done');

  const { bytes, pixels_sha256 } = await encodeImage({
    ...image,
    recipe: recipeOf(request, 0),
    output: { format: 'png' },
  });
  await writeWhole(join(folder, file), bytes);
  const drawn: DrawnPicture = {
    file,
    pixels_sha256,
    passes: done.passes,
    full_passes: describePlan(resolved, brush.model).cost.full_passes,
    seconds,
    peak_bytes: peakBytes,
  };
  await journal.add(keyOf(request), drawn);
  return drawn;
}

/** Written beside and renamed, so that a file of this name is always a whole one. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}
