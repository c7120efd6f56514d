import { mkdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../core/problem.ts';

/** The id of a checkpoint is its folder's name: known before a byte of it is read. */
export function modelId(checkpoint: string): string {
  return basename(resolve(checkpoint));
}

/** The folder of LoRAs: the one that was given, or else an own one, which starts empty. */
export async function loraDirectory(settings: Settings): Promise<string> {
  if (settings.loras !== undefined) return await existingDirectory('OVERTONE_LORAS', settings.loras);
  const own = join(settings.data, 'loras');
  await mkdir(own, { recursive: true });
  return own;
}

/** Where a process keeps copies of blobs that lie elsewhere. Processes on one machine with one folder of data differ by `name`. */
export function cacheDirectory(settings: Settings, name: string): string {
  return settings.cache ?? join(settings.data, 'cache', name);
}

/** Throws an InputError if there is no such folder. */
export async function existingDirectory(subject: string, directory: string): Promise<string> {
  const isThere = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isThere) return directory;
  const message = `${subject} is '${directory}'; must be a folder that exists`;
  throw new InputError([{ code: 'invalid_request', subject, message }]);
}
