import type { Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { LoraReceipt } from '../core/lora/receipt.ts';
import type { LoraTarget } from '../core/lora/target.ts';
import { inspectLoraFile, readWholeFile, sha256OfFile } from './lora-file.ts';
import { sharedCalls } from './shared-calls.ts';
import { unlessMissing } from './unless-missing.ts';

/**
 * A folder of LoRA files, which gateway and engine both read until there is a registry. A LoRA's id is its file's stem, and it can
 * also be named by its sha256. Names are only ever compared with the folder's own listing, never joined to a path, so no name leads
 * out of it; nor does a link. A file that changes is read again.
 */

export interface LoraFolder {
  /** Sorted by id. */
  list(): Promise<readonly FoundLora[]>;
  /** The path of the LoRA of this id or sha256; undefined where there is none. */
  find(idOrSha256: string): Promise<string | undefined>;
  /** The receipt of a file that `find` has named; undefined where it has gone since. Throws as `inspect` does. */
  inspectFile(path: string, targets: readonly LoraTarget[]): Promise<LoraReceipt | undefined>;
  /** Both at once: undefined where there is no such LoRA. Throws an `InputError` for a file that cannot be applied to the targets. */
  inspect(idOrSha256: string, targets: readonly LoraTarget[]): Promise<LoraReceipt | undefined>;
}

export interface FoundLora {
  readonly id: string;
  readonly path: string;
}

const SUFFIX = '.safetensors';

export function openLoraFolder(directory: string): LoraFolder {
  // A busy gateway looks at the same few files thousands of times a second.
  const look = sharedCalls((path) => stat(path));
  const sha256Of = rememberedByFile(look, sha256OfFile);
  const readWhole = rememberedByFile(look, readWholeFile);

  /** By the list of targets, which a gateway gets anew only when it asks again what its workers serve. */
  const inspectorOf = new WeakMap<readonly LoraTarget[], (path: string) => Promise<LoraReceipt>>();
  const list = rememberedListing(() => look(directory), readFolder);

  async function readFolder(): Promise<readonly FoundLora[]> {
    const root = await realpath(directory);
    const names = (await readdir(root)).filter((name) => name.endsWith(SUFFIX)).sort();
    const found = await Promise.all(names.map((name) => fileInside(root, name)));
    return found.flatMap((path, index) =>
      path === undefined ? [] : [{ id: names[index]?.slice(0, -SUFFIX.length) ?? '', path }],
    );
  }

  async function find(idOrSha256: string): Promise<string | undefined> {
    const loras = await list();
    const byId = loras.find(({ id }) => id === idOrSha256);
    if (byId !== undefined || !/^[0-9a-f]{64}$/.test(idOrSha256)) return byId?.path;
    for (const { path } of loras) if ((await sha256Of(path)) === idOrSha256) return path;
    return undefined;
  }

  async function inspectFile(path: string, targets: readonly LoraTarget[]): Promise<LoraReceipt | undefined> {
    const inspector =
      inspectorOf.get(targets) ?? rememberedByFile(look, (file) => inspectLoraFile(file, targets, { readWhole }));
    inspectorOf.set(targets, inspector);
    return await unlessMissing(inspector(path));
  }

  async function inspect(idOrSha256: string, targets: readonly LoraTarget[]): Promise<LoraReceipt | undefined> {
    const path = await find(idOrSha256);
    return path === undefined ? undefined : await inspectFile(path, targets);
  }

  return { list, find, inspectFile, inspect };
}

/** The path of a file of the folder; undefined for what is no file, or a link to somewhere else. */
async function fileInside(root: string, name: string): Promise<string | undefined> {
  const path = await realpath(join(root, name)).catch(() => undefined);
  if (path === undefined || !path.startsWith(root + sep)) return undefined;
  return (await stat(path)).isFile() ? path : undefined;
}

/** The clock of a file system can be this coarse: a folder that changed just now may change again within the same tick. */
const TICK_MS = 100;

/** Reads a folder again where something in it came, went or was put in another's place, all of which change the folder's own time. */
function rememberedListing<T>(look: () => Promise<Stats>, read: () => Promise<T>): () => Promise<T> {
  let known: { readonly version: string; readonly value: T } | undefined;
  return async () => {
    const { mtimeMs, ino, dev } = await look();
    const version = `${dev}:${ino}:${mtimeMs}`;
    if (known?.version === version) return known.value;
    const value = await read();
    const isSettled = Date.now() - mtimeMs > TICK_MS;
    known = isSettled ? { version, value } : undefined;
    return value;
  };
}

/** Far more files than a folder of LoRAs holds; past it the memory starts anew. */
const REMEMBERED_FILES = 10_000;

/** Keeps what was computed from a file for as long as its size and time of change stay. */
function rememberedByFile<T>(
  look: (path: string) => Promise<Stats>,
  compute: (path: string) => Promise<T>,
): (path: string) => Promise<T> {
  const known = new Map<string, { readonly version: string; readonly value: Promise<T> }>();
  return async (path) => {
    const { size, mtimeMs, ino } = await look(path);
    const version = `${ino}:${size}:${mtimeMs}`;
    const remembered = known.get(path);
    if (remembered?.version === version) return remembered.value;
    if (known.size >= REMEMBERED_FILES) known.clear();
    const value = compute(path);
    known.set(path, { version, value });
    value.catch(() => known.delete(path));
    return value;
  };
}
