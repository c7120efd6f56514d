import { ServiceError } from '../contract/errors.ts';
import type { LoraRecord } from '../contract/lora-record.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Principal } from '../contract/principal.ts';
import type { LoraReceipt } from '../core/lora/receipt.ts';
import { inspectLoraFile } from '../files/lora-file.ts';
import type { LoraFolder } from '../files/lora-folder.ts';
import type { BlobFiles } from '../store/blob-files.ts';
import type { LoraRegistry } from '../store/lora-registry.ts';
import { reaching } from './reaching.ts';

/**
 * Every LoRA that a caller can use: what its owner has uploaded, and the folder's, which are everybody's. Where both have an id, the
 * uploaded one is meant.
 */
export interface LoraShelf {
  find(caller: Principal, name: LoraName): Promise<ShelvedLora | undefined>;
}

export type LoraName = { readonly id: string } | { readonly sha256: string } | { readonly name: string };

export interface ShelvedLora {
  readonly id: string;
  /** Undefined for a LoRA of the folder. */
  readonly record: LoraRecord | undefined;
  /** Undefined where it has gone in the meantime. Throws an InputError for a file that cannot be applied to the model. */
  inspect(model: ModelDescriptor): Promise<LoraReceipt | undefined>;
}

export interface LoraShelfParts {
  readonly folder: LoraFolder;
  readonly registry: LoraRegistry;
  readonly files: BlobFiles;
}

export function createLoraShelf({ folder, registry, files }: LoraShelfParts): LoraShelf {
  const remembered = rememberedReceipts();

  const inspectStored = (record: LoraRecord, model: ModelDescriptor) =>
    remembered(`${record.sha256} ${model.sha256}`, async () => {
      const { id: subject, sha256 } = record;
      const lease = await reaching('the store of LoRAs', () => files.lease(sha256));
      if (lease === undefined) return undefined;
      try {
        // The name of a blob is its hash: there is no need to read all of it again.
        const readWhole = async () => ({ sha256, damage: [] });
        return await inspectLoraFile(lease.path, model.loraTargets, { readWhole, subject });
      } finally {
        lease.release();
      }
    });

  async function findRecord({ owner }: Principal, name: LoraName): Promise<LoraRecord | undefined> {
    if ('id' in name) return await registry.read(owner, name.id);
    if ('sha256' in name) return await registry.findBySha256(owner, name.sha256);
    return await registry.findByName(owner, name.name);
  }

  return {
    async find(caller, name) {
      const record = await reaching('Redis', () => findRecord(caller, name));
      if (record !== undefined) return { id: record.id, record, inspect: (model) => inspectStored(record, model) };
      const wanted = 'id' in name ? name.id : 'sha256' in name ? name.sha256 : name.name;
      const path = await folder.find(wanted);
      if (path === undefined) return undefined;
      return { id: wanted, record: undefined, inspect: (model) => folder.inspectFile(path, model.loraTargets) };
    },
  };
}

/** The LoRA of this id. Throws `lora_not_found`. */
export async function expectLora(shelf: LoraShelf, caller: Principal, id: string): Promise<ShelvedLora> {
  const lora = await shelf.find(caller, { id });
  if (lora === undefined) throw new ServiceError('lora_not_found', `there is no LoRA '${id}'`);
  return lora;
}

/** About 50 kB each at the most; past that many the memory starts anew. */
const REMEMBERED_RECEIPTS = 1000;

type Inspect = () => Promise<LoraReceipt | undefined>;

/** Bytes and a model never change under their hashes, so what one says of the other is kept. Only what went well is. */
function rememberedReceipts(): (key: string, inspect: Inspect) => ReturnType<Inspect> {
  const known = new Map<string, LoraReceipt>();
  return async (key, inspect) => {
    const receipt = known.get(key) ?? (await inspect());
    if (receipt === undefined) return undefined;
    if (known.size >= REMEMBERED_RECEIPTS && !known.has(key)) known.clear();
    known.set(key, receipt);
    return receipt;
  };
}
