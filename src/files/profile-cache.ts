import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { LoraProfile } from '../contract/lora-profile.ts';
import { InputError } from '../core/problem.ts';
import { canonicalJson } from './canonical-json.ts';
import { unlessMissing } from './unless-missing.ts';

/**
 * Measured profiles in a folder, one JSON file each. A profile is found again by what it was measured on and how: the base model's
 * hash, the LoRA's and all settings are in the file's name, as one hash. So a changed LoRA, another checkpoint or other settings are
 * measured anew, and nothing ever has to be thrown away.
 */

export type ProfileKey = Pick<LoraProfile, 'model_sha256' | 'lora_sha256' | 'settings'>;

export interface ProfileCache {
  /** Undefined where it has not been measured. Throws an InputError (`malformed_file`) for a file that is damaged. */
  find(key: ProfileKey): Promise<LoraProfile | undefined>;
  keep(profile: LoraProfile): Promise<void>;
  /** Of each LoRA that was measured on a model what was measured last, whatever the settings, by the LoRA's hash. */
  newest(modelSha256: string): Promise<ReadonlyMap<string, LoraProfile>>;
}

/** The folder is made when something is kept in it. */
export function openProfileCache(directory: string): ProfileCache {
  return {
    async find(key) {
      const path = join(directory, fileName(key));
      const text = await unlessMissing(readFile(path, 'utf8'));
      return text === undefined ? undefined : parseKept(text, basename(path));
    },

    async keep(profile) {
      await mkdir(directory, { recursive: true });
      const path = join(directory, fileName(profile));
      // Written beside and renamed, so that nobody reads half of it.
      const draft = `${path}.${randomUUID()}`;
      await writeFile(draft, `${JSON.stringify({ sha256: sha256(canonicalJson(profile)), profile })}\n`);
      await rename(draft, path);
    },

    async newest(modelSha256) {
      const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
      const kept = await Promise.all(
        names.map(async (name) => {
          const path = join(directory, name);
          return { profile: parseKept(await readFile(path, 'utf8'), name), time: (await stat(path)).mtimeMs };
        }),
      );
      const ofModel = kept.filter(({ profile }) => profile.model_sha256 === modelSha256);
      const inTime = ofModel.sort((one, other) => one.time - other.time);
      return new Map(inTime.map(({ profile }) => [profile.lora_sha256, profile]));
    },
  };
}

function fileName({ model_sha256, lora_sha256, settings }: ProfileKey): string {
  return `${sha256(canonicalJson({ model_sha256, lora_sha256, settings }))}.json`;
}

/** The hash says that the file is what was once written here; the settings' revision, in its name, that it has today's form. */
function parseKept(text: string, name: string): LoraProfile {
  try {
    const kept = JSON.parse(text) as { readonly sha256: string; readonly profile: LoraProfile };
    if (kept.sha256 === sha256(canonicalJson(kept.profile))) return kept.profile;
  } catch (cause) {
    throw damaged(name, cause);
  }
  throw damaged(name);
}

function damaged(name: string, cause?: unknown): InputError {
  const message = `${name} is no profile, or was changed since it was written; remove it, and it is measured again`;
  return new InputError([{ code: 'malformed_file', subject: name, message }], { cause });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
