import { randomInt } from 'node:crypto';
import { access } from 'node:fs/promises';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import { type ReadModel, readModel } from '../engine/open-engine.ts';
import type { Device } from '../engine/session.ts';
import { inspectLoraFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { existingDirectory } from '../main/folders.ts';
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
  const catalog = catalogOf(options, read.model.loraTargets);
  return { read, resolved: await resolveRequest(options.request, read.model, catalog, () => randomInt(2 ** 32)) };
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

async function expectFile(path: string): Promise<void> {
  try {
    await access(path);
  } catch (cause) {
    const message = `--lora is '${path}'; must be a file that can be read`;
    throw new InputError([{ code: 'lora_not_found', subject: '--lora', message }], { cause });
  }
}
