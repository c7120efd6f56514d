import { ServiceError } from '../contract/errors.ts';
import { assert } from '../core/assert.ts';
import type { Adapter } from '../core/lora/adapter.ts';

/**
 * Loaded LoRAs by their sha256. A lease keeps adapters loaded; what nobody leases stays for the next request and is forgotten,
 * least recently used first, when the room is needed. Reading and checking the file is the caller's `load`.
 */

export interface LoraReference {
  readonly id: string;
  readonly sha256: string;
}

export interface AdapterCache {
  /** Loads what is missing and holds all of it until the returned function is called. Rejects with what `load` rejects with. */
  acquire(loras: readonly LoraReference[]): Promise<() => void>;
  /** A leased adapter. */
  get(sha256: string): Adapter;
  readonly leased: () => number;
  readonly bytes: () => number;
}

interface Entry {
  readonly adapter: Adapter;
  readonly bytes: number;
  leases: number;
}

export function createAdapterCache(options: {
  readonly load: (lora: LoraReference) => Promise<Adapter>;
  readonly maxBytes: number;
  /** Told of every LoRA that somebody needs, before it is read. */
  readonly onLease?: (outcome: 'hit' | 'miss') => void;
  /** Told of every LoRA that is forgotten to make room. */
  readonly onEvict?: (sha256: string) => void;
}): AdapterCache {
  /** In order of last use, the oldest first: a Map keeps the order of insertion. */
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<Adapter>>();
  const totalBytes = (): number => [...entries.values()].reduce((sum, entry) => sum + entry.bytes, 0);

  const load = (lora: LoraReference): Promise<Adapter> => {
    const known = loading.get(lora.sha256);
    if (known !== undefined) return known;
    const promise = options.load(lora).finally(() => loading.delete(lora.sha256));
    loading.set(lora.sha256, promise);
    return promise;
  };

  const makeRoom = (bytes: number): void => {
    for (const [sha256, entry] of [...entries]) {
      if (totalBytes() + bytes <= options.maxBytes) return;
      if (entry.leases > 0) continue;
      entries.delete(sha256);
      options.onEvict?.(sha256);
    }
    if (totalBytes() + bytes <= options.maxBytes) return;
    throw new ServiceError(
      'unavailable',
      `the LoRAs in use hold ${totalBytes()} bytes and ${bytes} more would pass the bound of ${options.maxBytes}`,
    );
  };

  const lease = async (lora: LoraReference): Promise<void> => {
    options.onLease?.(entries.has(lora.sha256) ? 'hit' : 'miss');
    if (!entries.has(lora.sha256)) {
      const adapter = await load(lora);
      // Two requests may have waited for the same file; the first of them has put it in place.
      if (!entries.has(lora.sha256)) {
        const bytes = sizeOf(adapter);
        makeRoom(bytes);
        entries.set(lora.sha256, { adapter, bytes, leases: 0 });
      }
    }
    const entry = entries.get(lora.sha256);
    assert(entry !== undefined, `LoRA ${lora.sha256} has just been put in place`);
    entry.leases += 1;
    entries.delete(lora.sha256);
    entries.set(lora.sha256, entry);
  };

  return {
    async acquire(loras) {
      const held: string[] = [];
      const release = (): void => {
        for (const sha256 of held.splice(0)) {
          const entry = entries.get(sha256);
          if (entry !== undefined) entry.leases -= 1;
        }
      };
      try {
        for (const lora of loras) {
          await lease(lora);
          held.push(lora.sha256);
        }
      } catch (error) {
        release();
        throw error;
      }
      return release;
    },
    get(sha256) {
      const entry = entries.get(sha256);
      assert(entry !== undefined && entry.leases > 0, `LoRA ${sha256} is used without a lease`);
      return entry.adapter;
    },
    leased: () => [...entries.values()].filter((entry) => entry.leases > 0).length,
    bytes: totalBytes,
  };
}

function sizeOf(adapter: Adapter): number {
  const factors = Object.values(adapter.factors).flatMap((modules) => [...modules.values()]);
  return factors.reduce((sum, { a, b }) => sum + a.byteLength + b.byteLength, 0);
}
