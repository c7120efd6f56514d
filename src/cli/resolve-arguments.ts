import { randomInt } from 'node:crypto';
import { access } from 'node:fs/promises';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import { type ReadModel, readModel } from '../engine/open-engine.ts';
import type { Device } from '../engine/session.ts';
import { inspectLoraFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { openProfileCache } from '../files/profile-cache.ts';
import { recipeProblems } from '../files/recipe.ts';
import { existingDirectory } from '../main/folders.ts';
import { NOTHING_KNOWN } from '../pipeline/resolve-frequency.ts';
import { type LoraCatalog, type ResolvedGeneration, resolveRequest } from '../pipeline/resolve-request.ts';
import type { RequestArguments } from './arguments.ts';

/** A command line's request, resolved against its checkpoint and LoRA files. Reads headers and hashes; loads no weight. */
export async function resolveArguments(
  options: RequestArguments,
  device: Device,
): Promise<{ readonly read: ReadModel; readonly resolved: ResolvedGeneration }> {
  const { checkpoint, loras } = options;
  if (loras !== undefined) await existingDirectory('--loras', loras);
  const read = await readModel({ checkpoint, device });
  const catalog = { ...catalogOf(options, read.model.loraTargets), ...profilesOf(options, read.model) };
  const resolved = await resolveRequest(options.request, read.model, catalog, () => randomInt(2 ** 32));
  const problems = recipeProblems(resolved.request);
  if (problems.length > 0) throw new InputError(problems);
  return { read, resolved };
}

/** LoRAs given as files are found by their names, all others in the folder. */
function catalogOf({ loras, loraFiles }: RequestArguments, targets: readonly LoraTarget[]): LoraCatalog {
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

/** Of a LoRA that was measured more than once, what was measured last. */
function profilesOf({ profileCache }: RequestArguments, model: ModelDescriptor): Pick<LoraCatalog, 'frequencies'> {
  if (profileCache === undefined) return {};
  return {
    async frequencies(loras) {
      const directory = await existingDirectory('--profile-cache', profileCache);
      const known = await openProfileCache(directory).newest(model.sha256);
      return loras.map(({ sha256 }) => {
        const profile = known.get(sha256);
        return profile === undefined ? NOTHING_KNOWN : { status: 'ready', profile };
      });
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
