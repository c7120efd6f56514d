import type { Adapter } from '../core/lora/adapter.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { InputError } from '../core/problem.ts';
import { loadLoraFile } from '../files/lora-file.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import type { LoraReference } from './adapter-cache.ts';

/**
 * Reads a LoRA that a request was accepted with. It is looked for where its work says, by its id, and then by its hash; a file
 * that has another hash by now is another LoRA and is not taken.
 */
export function createLoraReader(options: {
  /** A folder of LoRA files; a LoRA's id is its file's stem. */
  readonly folder: string | undefined;
  /** Files elsewhere, by id. */
  readonly files: ReadonlyMap<string, string>;
  /** Of a file by its hash, wherever else it lies at this moment. */
  readonly pathOf?: (sha256: string) => string | undefined;
  readonly targets: readonly LoraTarget[];
}): (lora: LoraReference) => Promise<Adapter> {
  const folder = options.folder === undefined ? undefined : openLoraFolder(options.folder);
  return async ({ id, sha256 }) => {
    const places = [
      () => options.pathOf?.(sha256),
      () => options.files.get(id),
      () => folder?.find(id),
      () => folder?.find(sha256),
    ];
    for (const place of places) {
      const path = await place();
      if (path === undefined) continue;
      const { adapter } = await loadLoraFile(path, options.targets);
      if (adapter.sha256 === sha256) return adapter;
    }
    const message = `LoRA ${id} with sha256 ${sha256} is not there any more`;
    throw new InputError([{ code: 'lora_not_found', subject: id, message }]);
  };
}
