import { randomInt } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import { assert } from '../core/assert.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import { openEngine, readModel } from '../engine/open-engine.ts';
import type { Device } from '../engine/session.ts';
import { encodePng } from '../files/encode-image.ts';
import { inspectLoraFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { recipeOf } from '../files/recipe.ts';
import { existingDirectory } from '../main/folders.ts';
import { generate } from '../pipeline/generate.ts';
import { type LoraCatalog, resolveRequest } from '../pipeline/resolve-request.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { GenerateArguments } from './arguments.ts';
import { describeAsJson, describeForReader } from './report.ts';

/**
 * `overtone generate`: a prompt and LoRAs to a PNG in this very process, with no Redis and no HTTP. The same request, resolution,
 * pipeline and encoder as the service, so the file is the same to the byte.
 */

/** Where text goes: the result's lines, and lines on the way that a person may want and a program does not. */
export interface Output {
  readonly result: (line: string) => void;
  readonly progress: (line: string) => void;
}

export async function runGenerate(
  options: GenerateArguments,
  context: {
    readonly device: Device;
    readonly threads: number | undefined;
    readonly logger: Logger;
    readonly output: Output;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { device, threads, logger, output, signal } = context;
  const { checkpoint, loras, loraFiles, out } = options;
  const now = (): number => performance.now();
  if (loras !== undefined) await existingDirectory('--loras', loras);

  const start = now();
  // The request is resolved before any weight is loaded, so that a wrong one fails at once.
  const read = await readModel({ checkpoint, device });
  const catalog = catalogOf(options, read.model.loraTargets);
  const resolved = await resolveRequest(options.request, read.model, catalog, () => randomInt(2 ** 32));
  const { request, receipts } = resolved;
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
    const png = await encodePng({ ...image, recipe: recipeOf(request, image.image) });
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, png.bytes);
    const saved = now();

    const picture = {
      out,
      png,
      image,
      request,
      receipts,
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

/** LoRAs given as files are found by their names, all others in the folder. */
function catalogOf({ loras, loraFiles }: GenerateArguments, targets: readonly LoraTarget[]): LoraCatalog {
  const folder = loras === undefined ? undefined : openLoraFolder(loras);
  return {
    async inspect(id) {
      const file = loraFiles.get(id);
      if (file === undefined) return await folder?.inspect(id, targets);
      await expectFile(file);
      return await inspectLoraFile(file, targets);
    },
  };
}

async function expectFile(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    const message = `--lora is '${path}'; must be a file that can be read`;
    throw new InputError([{ code: 'lora_not_found', subject: '--lora', message }], { cause });
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
    else done = event;
  }
  assert(image !== undefined && done !== undefined, 'a generation ends with an image and done');
  return { image, done };
}
