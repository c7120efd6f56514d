import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { namedReceipt } from '../contract/generation-result.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import { assert } from '../core/assert.ts';
import { openEngine } from '../engine/open-engine.ts';
import { encodeImage } from '../files/encode-image.ts';
import { recipeOf } from '../files/recipe.ts';
import { generate } from '../pipeline/generate.ts';
import type { RequestArguments } from './arguments.ts';
import { describeAsJson, describeForReader } from './report.ts';
import { resolveArguments } from './resolve-arguments.ts';
import type { Output, RunContext } from './run-context.ts';

/**
 * `overtone generate`: a prompt and LoRAs to a PNG in this very process, with no Redis and no HTTP. The same request, resolution,
 * pipeline and encoder as the service, so the file is the same to the byte.
 */

export async function runGenerate(options: RequestArguments, context: RunContext): Promise<void> {
  const { device, threads, logger, output, signal } = context;
  const { checkpoint, loras, loraFiles, out } = options;
  const now = (): number => performance.now();

  const start = now();
  // The request is resolved before any weight is loaded, so that a wrong one fails at once.
  const { read, resolved } = await resolveArguments(options, device);
  const { request } = resolved;
  const engine = await openEngine({
    checkpoint,
    read,
    loras,
    loraFiles,
    device,
    ...(threads !== undefined && { threads }),
    onProgress: ({ part, done, total }) => output.progress(`loading ${part} (${done}/${total})`),
    logger,
  });
  try {
    const loaded = now();
    const { image, done } = await collect(generate(request, engine.model, engine, signal, now), output);
    const drawn = now();
    const { output: format } = request;
    const png = await encodeImage({ ...image, output: format, recipe: recipeOf(request, image.image) });
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, png.bytes);
    const saved = now();

    const picture = {
      out,
      png,
      image,
      request,
      receipts: resolved.loras.map(namedReceipt),
      warnings: [...resolved.warnings, ...done.warnings],
      plan: done.plan,
      passes: done.passes,
      timings: { ...done.timings, load_model_ms: loaded - start, encode_image_ms: saved - drawn },
      seconds: (saved - loaded) / 1000,
    };
    for (const line of options.json ? [describeAsJson(picture)] : describeForReader(picture)) output.result(line);
  } finally {
    await engine.close();
  }
}

type EventOf<Type extends PipelineEvent['type']> = Extract<PipelineEvent, { readonly type: Type }>;

/** Runs a generation of one image to its end. */
async function collect(events: AsyncIterable<PipelineEvent>, output: Output) {
  let image: EventOf<'image'> | undefined;
  let done: EventOf<'done'> | undefined;
  for await (const event of events) {
    if (event.type === 'step') output.progress(`step ${event.step} of ${event.steps}`);
    else if (event.type === 'image') image = event;
    else if (event.type === 'done') done = event;
  }
  assert(image !== undefined && done !== undefined, 'a generation ends with an image and done');
  return { image, done };
}
