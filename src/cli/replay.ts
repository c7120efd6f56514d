import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { replayRequest } from '../contract/replay-request.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { openEngine, readModel } from '../engine/open-engine.ts';
import { encodeImage } from '../files/encode-image.ts';
import { inspectLoraFile, sha256OfFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { readRecipe, recipeOf } from '../files/recipe.ts';
import { generate } from '../pipeline/generate.ts';
import { resolveRequest } from '../pipeline/resolve-request.ts';
import { readPicture } from './recipe.ts';
import type { ReplayArguments } from './replay-arguments.ts';
import type { RunContext } from './run-context.ts';

/**
 * `overtone replay`: a picture again, from nothing but its own file, the checkpoint and the LoRAs' bytes. Whoever made the file may
 * have been anybody: its recipe goes through the check of every request before anything runs.
 */
export async function runReplay(options: ReplayArguments, context: RunContext): Promise<{ readonly isSame: boolean }> {
  const { checkpoint, out } = options;
  const { device, threads, logger, output, signal } = context;
  const original = await readPicture(options.file);
  const { request, image, version } = readRecipe(original, basename(options.file));
  const asked = replayRequest(request);
  const read = await readModel({ checkpoint, device });
  const loraFiles = await findFiles(request, options);
  const problems = recipeMismatches(request, image, read.model.sha256);
  if (problems.length > 0) throw new InputError(problems);
  // What the recipe says is taken as it is; this only refuses what the checkpoint cannot do.
  await resolveRequest(
    { ...asked, model: read.model.id },
    read.model,
    catalogOf(loraFiles, read.model.loraTargets),
    () => 0,
  );

  const engine = await openEngine({
    ...{ checkpoint, read, loras: undefined, loraFiles, device, logger },
    ...(threads !== undefined && { threads }),
    onProgress: ({ part, done, total }) => output.progress(`loading ${part} (${done}/${total})`),
  });
  try {
    // Pictures of one request do not depend on each other: this one alone is drawn.
    const alone = { ...request, n: 1, seed: request.seed + image };
    for await (const event of generate(alone, engine.model, engine, signal, () => performance.now())) {
      if (event.type === 'step') output.progress(`step ${event.step} of ${event.steps}`);
      if (event.type !== 'image') continue;
      const { width, height, pixels } = event;
      const recipe = recipeOf(request, image);
      const { bytes, sha256 } = await encodeImage({ width, height, pixels, recipe, output: request.output });
      if (out !== undefined) {
        await mkdir(dirname(out), { recursive: true });
        await writeFile(out, bytes);
      }
      const was = createHash('sha256').update(original).digest('hex');
      const isSame = sha256 === was;
      output.result(
        options.json ? JSON.stringify({ same: isSame, sha256, was, version }) : sentence(isSame, sha256, was),
      );
      return { isSame };
    }
  } finally {
    await engine.close();
  }
  assert(false, 'a generation has a picture');
}

function sentence(isSame: boolean, sha256: string, was: string): string {
  return isSame ? `the same file: sha256 ${sha256}` : `another file: sha256 ${sha256}, and it was ${was}`;
}

/** What a recipe says that cannot be had here. */
function recipeMismatches(request: ResolvedRequest, image: number, modelSha256: string): readonly Problem[] {
  const problems: Problem[] = [];
  if (request.model_sha256 !== modelSha256) {
    const message = `--model has sha256 ${modelSha256}; the picture was made with "${request.model}", ${request.model_sha256}`;
    problems.push({ code: 'invalid_request', subject: '--model', message });
  }
  if (image >= request.n) {
    const message = `image is ${image}; must be less than the ${request.n} of its request`;
    problems.push({ code: 'malformed_file', subject: 'image', message });
  }
  return problems;
}

/** The recipe's LoRAs by their ids, wherever their bytes are found. Throws an InputError that names all that are not. */
async function findFiles(
  { loras }: ResolvedRequest,
  options: Pick<ReplayArguments, 'loras' | 'loraFiles'>,
): Promise<ReadonlyMap<string, string>> {
  const given = new Map(
    await Promise.all(options.loraFiles.map(async (path) => [await sha256OfFile(path), path] as const)),
  );
  const folder = options.loras === undefined ? undefined : openLoraFolder(options.loras);
  const files = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { id, sha256 } of loras) {
    const path = given.get(sha256) ?? (await folder?.find(sha256));
    if (path !== undefined) files.set(id, path);
    else {
      const message = `LoRA "${id}" with sha256 ${sha256} is nowhere; name its folder by --loras, or its file by --lora`;
      problems.push({ code: 'lora_not_found', subject: id, message });
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return files;
}

function catalogOf(files: ReadonlyMap<string, string>, targets: Parameters<typeof inspectLoraFile>[1]) {
  return {
    async inspect(id: string) {
      const path = files.get(id);
      return path === undefined ? undefined : await inspectLoraFile(path, targets, { subject: id });
    },
  };
}
