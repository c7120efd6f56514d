import { randomUUID } from 'node:crypto';
import { ServiceError } from '../contract/errors.ts';
import { LIMITS } from '../contract/limits.ts';
import { LORA_ID_PATTERN, type LoraRecord, type LoraUpload, parseLoraUpload } from '../contract/lora-record.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Principal } from '../contract/principal.ts';
import type { LoraReceipt } from '../core/lora/receipt.ts';
import { InputError } from '../core/problem.ts';
import { inspectLoraFile } from '../files/lora-file.ts';
import type { LoraFolder } from '../files/lora-folder.ts';
import { type ReceivedFile, receiveFile } from '../files/receive-file.ts';
import { type BlobLedger, passingHolder } from '../store/blob-ledger.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { LoraRegistry } from '../store/lora-registry.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Models } from './models.ts';
import type { Profiles } from './profiles.ts';
import { reaching } from './reaching.ts';
import { untilRevoked } from './until-revoked.ts';

/**
 * LoRAs into the registry and out of it. A file is on this gateway's disk before anything is said of it, is inspected there, and only
 * then becomes a blob with a record: what is in the registry can be applied to a model that is served.
 */
export interface LoraUploads {
  /**
   * Takes the bytes in, as long as the sender's key is good. Throws what `receiveFile` throws, `busy` where too many do so at once, and
   * what `readmit` does.
   */
  receive(sender: Sender, content: AsyncIterable<Uint8Array>): Promise<ReceivedFile>;
  /**
   * Installs what was received, which stays the sender's to discard, where the key is still good. `upload` is a parsed JSON value;
   * `fileName` may give it an id. Throws an InputError with all problems of the upload, or of the file; `digest_mismatch`,
   * `lora_exists`, `registry_full`; and what `readmit` does.
   */
  install(sender: Sender, file: ReceivedFile, upload: unknown, fileName?: string): Promise<InstalledLora>;
  /** Jobs that were accepted keep the bytes. Throws `lora_not_found`, and `forbidden` for one of the folder. */
  remove(caller: Principal, id: string): Promise<void>;
}

/** Who sends a file, which takes so long that a key can be revoked in the meantime. */
export interface Sender {
  readonly caller: Principal;
  /** Whether the key still opens this. Throws where not. */
  readonly readmit: () => Promise<void>;
}

export interface InstalledLora {
  readonly record: LoraRecord;
  readonly receipt: LoraReceipt;
  /** False where the same file was there already, and only what is said of it is new. */
  readonly isNew: boolean;
}

export interface LoraUploadsParts {
  readonly folder: LoraFolder;
  readonly registry: LoraRegistry;
  readonly ledger: BlobLedger;
  readonly blobs: BlobStore;
  readonly models: Models;
  readonly profiles: Profiles;
  /** For what is being received. */
  readonly directory: string;
  readonly now: () => number;
  readonly logger: Logger;
}

/** How long an upload's blob is held before its record does: far longer than storing it takes. */
const PASSING_MS = 3600 * 1000;

export function createLoraUploads(parts: LoraUploadsParts): LoraUploads {
  const { folder, registry, ledger, blobs, models, profiles, directory, now, logger } = parts;
  let receiving = 0;

  async function store(owner: string, record: LoraRecord, file: ReceivedFile) {
    const passing = passingHolder(now() + PASSING_MS, randomUUID());
    await reaching('Redis', () => ledger.hold(record.sha256, passing));
    try {
      await reaching('the store of LoRAs', () => blobs.putFile(file.path, record.sha256));
      return await reaching('Redis', () => registry.install(owner, record, passing));
    } finally {
      // Where it was installed this changes nothing; where Redis is away it ends by itself.
      await ledger.release(record.sha256, passing).catch(() => {});
    }
  }

  return {
    async receive({ readmit }, content) {
      if (receiving >= LIMITS.uploads) throw new ServiceError('busy', `${receiving} files are being received already`);
      receiving++;
      const revoked = new AbortController();
      const stop = untilRevoked(readmit, (error) => revoked.abort(error));
      try {
        return await receiveFile(content, { directory, maxBytes: LIMITS.loraBytes, signal: revoked.signal });
      } finally {
        stop();
        receiving--;
      }
    },

    async install({ caller, readmit }, file, upload, fileName) {
      const asked = parseLoraUpload(upload);
      const id = idOf(asked, fileName);
      if (asked.sha256 !== undefined && asked.sha256 !== file.sha256) {
        throw new ServiceError('digest_mismatch', `the file has sha256 ${file.sha256}; announced was ${asked.sha256}`);
      }
      if (await isInFolder(folder, id)) throw exists(`the folder of LoRAs has '${id}' already; choose another id`);
      const { model, receipt } = await inspectFor(await modelsFor(asked, models), file, id);
      const { sha256, bytes } = file;
      const { format, ranks, alphas } = receipt;
      const record: LoraRecord = {
        id,
        name: asked.name ?? id,
        ...{ sha256, bytes, format, base: model.family, ranks, alphas },
        category: asked.category ?? null,
        triggers: asked.triggers ?? [],
        metadata: asked.metadata ?? {},
        uploaded_at: new Date(now()).toISOString(),
      };
      // As late as can be: whoever has a key no longer gets nothing in with what was begun while it was good.
      await readmit();
      const answer = await store(caller.owner, record, file);
      switch (answer) {
        case 'installed':
        case 'replaced':
          break;
        case 'id taken':
          throw exists(`there is another LoRA '${id}' of yours; delete it, or choose another id`);
        case 'name taken':
          throw exists(`another LoRA of yours is called '${record.name}'; choose another name`);
        case 'full':
          throw new ServiceError('registry_full', `an owner may have ${LIMITS.lorasOfOwner} LoRAs; delete one`);
        case 'gone':
          throw new ServiceError('unavailable', `the file of LoRA '${id}' was swept while it was stored`);
      }
      logger.info({ lora: id, sha256, bytes, answer }, 'LoRA uploaded');
      // Measured from now on; who measures, and when, is no matter of the upload.
      await profiles.notice(model, [record]);
      return { record, receipt, isNew: answer === 'installed' };
    },

    async remove({ owner }, id) {
      const removed = await reaching('Redis', () => registry.remove(owner, id));
      if (removed === undefined) {
        if (!(await isInFolder(folder, id))) throw new ServiceError('lora_not_found', `there is no LoRA '${id}'`);
        throw new ServiceError('forbidden', `LoRA '${id}' lies in the folder of LoRAs, which is read only`);
      }
      logger.info({ lora: id, sha256: removed.sha256 }, 'LoRA deleted');
    },
  };
}

/** An id that is only a file's name is made fit; one that was asked for is taken as it is, or refused. */
function idOf({ id }: LoraUpload, fileName: string | undefined): string {
  if (id !== undefined) return id;
  const stem = fileName?.replace(/^.*[/\\]/, '').replace(/\.safetensors$/i, '');
  const fit = stem?.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  if (fit !== undefined && new RegExp(LORA_ID_PATTERN).test(fit)) return fit;
  const message =
    'id is missing, and the file has no name to take it from; must be 1 to 128 letters, digits, . - and _';
  throw new InputError([{ code: 'invalid_request', subject: 'id', message }]);
}

async function isInFolder(folder: LoraFolder, id: string): Promise<boolean> {
  return (await folder.list()).some((found) => found.id === id);
}

/** The model that was named, or all that are served or were. */
async function modelsFor({ model }: LoraUpload, models: Models): Promise<readonly ModelDescriptor[]> {
  if (model !== undefined) return [await models.find(model)];
  const served = await models.list();
  return served.length > 0 ? served : [await models.find(undefined)];
}

/** The first model that takes the file. Where none does, what is wrong for the first is what is said. */
async function inspectFor(
  candidates: readonly ModelDescriptor[],
  { path, sha256 }: ReceivedFile,
  subject: string,
): Promise<{ readonly model: ModelDescriptor; readonly receipt: LoraReceipt }> {
  let refusal: unknown;
  for (const model of candidates) {
    try {
      const receipt = await inspectLoraFile(path, model.loraTargets, { subject });
      if (receipt.sha256 === sha256) return { model, receipt };
      throw new ServiceError('storage_unavailable', `the file of LoRA '${subject}' has changed on the gateway's disk`);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

function exists(message: string): ServiceError {
  return new ServiceError('lora_exists', message);
}
