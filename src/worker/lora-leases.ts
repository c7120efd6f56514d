import { ServiceError } from '../contract/errors.ts';
import type { BlobFiles, FileLease } from '../store/blob-files.ts';
import type { EngineProcess } from './engine-process.ts';
import type { RunJobEffects } from './run-job.ts';
import type { RunProfileEffects } from './run-profile.ts';

/**
 * An engine whose work brings its LoRA files along: uploaded ones are made files of this machine before it begins and stay so until it
 * has ended. The engine itself reaches no store. LoRAs of the folder are read where they are, as before.
 */
export function withLoraFiles(
  engine: EngineProcess,
  files: BlobFiles,
): RunJobEffects['engine'] & RunProfileEffects['engine'] {
  return {
    ready: (signal) => engine.ready(signal),
    async *run(jobId, job, signal) {
      const leases = await leaseAll(job.stored_loras ?? [], files);
      try {
        yield* engine.run(jobId, { ...job, files: pathsOf(leases) }, signal);
      } finally {
        for (const { release } of leases.values()) release();
      }
    },
    async *profile(order, signal) {
      const { sha256 } = order.lora;
      const lease = await reaching(sha256, files);
      try {
        yield* engine.profile(order, pathsOf(new Map(lease && [[sha256, lease]])), signal);
      } finally {
        lease?.release();
      }
    },
  };
}

async function leaseAll(sha256s: readonly string[], files: BlobFiles): Promise<ReadonlyMap<string, FileLease>> {
  const leases = new Map<string, FileLease>();
  try {
    for (const sha256 of sha256s) {
      const lease = await reaching(sha256, files);
      if (lease === undefined) throw missing(sha256);
      leases.set(sha256, lease);
    }
    return leases;
  } catch (error) {
    for (const { release } of leases.values()) release();
    throw error;
  }
}

async function reaching(sha256: string, files: BlobFiles): Promise<FileLease | undefined> {
  try {
    return await files.lease(sha256);
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    throw new ServiceError('storage_unavailable', `the file of LoRA ${sha256} cannot be had`, { cause });
  }
}

function pathsOf(leases: ReadonlyMap<string, FileLease>): Readonly<Record<string, string>> {
  return Object.fromEntries([...leases].map(([sha256, { path }]) => [sha256, path]));
}

function missing(sha256: string): ServiceError {
  return new ServiceError('lora_not_found', `the file of LoRA ${sha256} is lost; it was there when this was accepted`);
}
