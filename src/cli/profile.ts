import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LoraProfile, ProfileSettings } from '../contract/lora-profile.ts';
import { assert } from '../core/assert.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { frequencySets } from '../core/sequencer/frequency-sets.ts';
import { openEngine, type ReadModel, readModel } from '../engine/open-engine.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { profilePlot } from '../files/plot/profile-plot.ts';
import { openProfileCache, type ProfileCache } from '../files/profile-cache.ts';
import { existingDirectory } from '../main/folders.ts';
import { type ProfiledLora, profileAdapters } from '../pipeline/profile-adapter.ts';
import { profileSettings } from '../pipeline/profile-settings.ts';
import type { ProfileArguments } from './profile-arguments.ts';
import { describeProfilesAsJson, describeProfilesForReader, type MeasuredLora } from './profile-report.ts';
import type { RunContext } from './run-context.ts';

/**
 * `overtone profile`: measures LoRAs in this very process, sorts them, draws them. Each profile is kept as soon as a run has ended,
 * and what a cache holds already is not measured again; where it holds all, no weight is loaded.
 */

export async function runProfile(options: ProfileArguments, context: RunContext): Promise<void> {
  const { output } = context;
  const start = performance.now();
  const directory = await existingDirectory('--loras', options.loras);
  const read = await readModel({ checkpoint: options.checkpoint, device: context.device });
  const { model } = read;
  const loras = await findLoras(directory, options, model.loraTargets);
  const settings = profileSettings(
    {
      prompts: options.prompts === undefined ? undefined : await readPrompts(options.prompts),
      seedCount: options.seedCount,
      steps: options.steps,
      ...options.size,
    },
    model,
  );

  const measured = await profilesOf(loras, settings, { options: { ...options, loras: directory }, read, context });
  const sets = frequencySets(
    measured.map(({ id, profile }) => {
      // Pixels and not latents: an 8x VAE hides a fine pattern inside a latent cell, where it looks broad (docs/frequency.md).
      const { score, halves } = profile.pixel;
      return { id, score, halves, ...options.said.get(id) };
    }),
  );
  if (options.out !== undefined) {
    await mkdir(dirname(options.out), { recursive: true });
    await writeFile(options.out, profilePlot({ model: model.id, profiles: measured, sets }));
  }
  const report = { model, settings, measured, sets, out: options.out, seconds: (performance.now() - start) / 1000 };
  for (const line of options.json ? [describeProfilesAsJson(report)] : describeProfilesForReader(report)) {
    output.result(line);
  }
}

/** Takes from the cache what it has, and measures the rest in one go, which shares the base model's pictures. */
async function profilesOf(
  loras: readonly ProfiledLora[],
  settings: ProfileSettings,
  from: { readonly options: ProfileArguments; readonly read: ReadModel; readonly context: RunContext },
): Promise<readonly MeasuredLora[]> {
  const cache = from.options.cache === undefined ? undefined : openProfileCache(from.options.cache);
  const known = new Map<string, LoraProfile>();
  for (const { id, sha256 } of loras) {
    const key = { model_sha256: from.read.model.sha256, lora_sha256: sha256, settings };
    const profile = await cache?.find(key);
    if (profile !== undefined) known.set(id, profile);
  }
  const missing = loras.filter(({ id }) => !known.has(id));
  const fresh = missing.length === 0 ? new Map() : await measure(missing, settings, { ...from, cache });
  return loras.map(({ id }) => {
    const profile = known.get(id) ?? fresh.get(id);
    assert(profile !== undefined, 'every LoRA is known or was measured');
    return { id, profile, isReused: known.has(id) };
  });
}

async function measure(
  loras: readonly ProfiledLora[],
  settings: ProfileSettings,
  from: {
    readonly options: ProfileArguments;
    readonly read: ReadModel;
    readonly context: RunContext;
    readonly cache: ProfileCache | undefined;
  },
): Promise<ReadonlyMap<string, LoraProfile>> {
  const { options, read, cache } = from;
  const { device, threads, logger, output, signal } = from.context;
  const engine = await openEngine({
    checkpoint: options.checkpoint,
    read,
    loras: options.loras,
    device,
    ...(threads !== undefined && { threads }),
    onProgress: ({ part, done, total }) => output.progress(`loading ${part} (${done}/${total})`),
    logger,
  });
  try {
    const run = profileAdapters({ loras, settings, model: engine.model, ports: engine, signal });
    let next = await run.next();
    for (; !next.done; next = await run.next()) {
      output.progress(`measuring: evaluation ${next.value.done} of ${next.value.total}`);
    }
    const profiles = next.value;
    for (const profile of profiles) await cache?.keep(profile);
    return new Map(loras.flatMap(({ id }, index) => (profiles[index] === undefined ? [] : [[id, profiles[index]]])));
  } finally {
    await engine.close();
  }
}

/** Every LoRA that was named, or all of the folder. Throws an InputError with all that cannot be had. */
async function findLoras(
  directory: string,
  { ids }: ProfileArguments,
  targets: readonly LoraTarget[],
): Promise<readonly ProfiledLora[]> {
  const folder = openLoraFolder(directory);
  const wanted = ids.length > 0 ? ids : (await folder.list()).map(({ id }) => id);
  if (wanted.length === 0) throw notFound(`--loras is '${directory}', which holds no .safetensors file`);
  const problems: Problem[] = [];
  const found: ProfiledLora[] = [];
  for (const id of wanted) {
    try {
      const receipt = await folder.inspect(id, targets);
      if (receipt === undefined) throw notFound(`--lora is '${id}'; there is no LoRA of this name in '${directory}'`);
      found.push({ id, sha256: receipt.sha256 });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return found;
}

/** One prompt a line; empty lines do not count. */
async function readPrompts(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const message = `--prompts is '${path}'; must be a file that can be read`;
    throw new InputError([{ code: 'invalid_request', subject: '--prompts', message }], { cause });
  });
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function notFound(message: string): InputError {
  return new InputError([{ code: 'lora_not_found', subject: '--lora', message }]);
}
