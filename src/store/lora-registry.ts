import type { Redis } from 'ioredis';
import { LIMITS } from '../contract/limits.ts';
import type { LoraRecord } from '../contract/lora-record.ts';
import { BLOBS_KEY, holdersKey, loraHashesKey, loraIdsKey, loraKey, loraNamesKey } from '../contract/redis-keys.ts';
import { type Holder, loraHolder } from './blob-ledger.ts';
import { GRACE_MS } from './ledger-scripts.ts';
import { luaScript } from './lua-script.ts';

/**
 * Uploaded LoRAs: what they are and whose. The bytes are blobs, held in the ledger for as long as a record names them; two owners who
 * upload the same file share one. Every look-up is one owner's.
 */
export interface LoraRegistry {
  /**
   * Puts a LoRA in, whose blob `passing` holds by now and does not need to afterwards. `replaced`: the same file was there under this
   * id, and what is said of it is new. `gone`: nobody holds the blob any longer, and it may have been swept.
   */
  install(owner: string, lora: LoraRecord, passing: Holder): Promise<Installation>;
  /** The record that was there; undefined where there was none. */
  remove(owner: string, id: string): Promise<LoraRecord | undefined>;
  read(owner: string, id: string): Promise<LoraRecord | undefined>;
  findByName(owner: string, name: string): Promise<LoraRecord | undefined>;
  findBySha256(owner: string, sha256: string): Promise<LoraRecord | undefined>;
  /** In the order of their ids, those after `after`. */
  list(owner: string, page: { readonly after: string; readonly limit: number }): Promise<readonly LoraRecord[]>;
}

export type Installation = 'installed' | 'replaced' | 'id taken' | 'name taken' | 'full' | 'gone';

/**
 * KEYS: record, ids, names, hashes, the blob's holders. ARGV: id, name, sha256, record, its holder, the passing holder, most LoRAs.
 */
const INSTALL = luaScript(`
local record, ids, names, hashes, holders = unpack(KEYS)
local id, name, sha256 = ARGV[1], ARGV[2], ARGV[3]
if redis.call('SISMEMBER', holders, ARGV[6]) == 0 then return 'gone' end
local known = redis.call('HMGET', record, 'sha256', 'name')
if known[1] and known[1] ~= sha256 then return 'id taken' end
local named = redis.call('HGET', names, name)
if named and named ~= id then return 'name taken' end
if not known[1] and redis.call('ZCARD', ids) >= tonumber(ARGV[7]) then return 'full' end
if known[2] then redis.call('HDEL', names, known[2]) end
redis.call('HSET', record, 'sha256', sha256, 'name', name, 'record', ARGV[4])
redis.call('ZADD', ids, 0, id)
redis.call('HSET', names, name, id)
redis.call('ZADD', hashes, 0, sha256 .. ':' .. id)
redis.call('SADD', holders, ARGV[5])
redis.call('SREM', holders, ARGV[6])
return known[1] and 'replaced' or 'installed'
`);

/** KEYS: record, ids, names, hashes, all blobs. ARGV: id, its holder, milliseconds of grace. Returns the record, or nothing. */
const REMOVE = luaScript(`
local record, ids, names, hashes, blobs = unpack(KEYS)
local known = redis.call('HMGET', record, 'sha256', 'name', 'record')
local sha256 = known[1]
if not sha256 then return false end
redis.call('DEL', record)
redis.call('ZREM', ids, ARGV[1])
redis.call('HDEL', names, known[2])
redis.call('ZREM', hashes, sha256 .. ':' .. ARGV[1])
redis.call('SREM', '${holdersKey('')}' .. sha256, ARGV[2])
local time = redis.call('TIME')
redis.call('ZADD', blobs, string.format('%d', time[1] * 1000 + ARGV[3]), sha256)
return known[3]
`);

export function createLoraRegistry(redis: Redis): LoraRegistry {
  const keysOf = (owner: string, id: string) => [
    loraKey(owner, id),
    loraIdsKey(owner),
    loraNamesKey(owner),
    loraHashesKey(owner),
  ];

  async function readAll(owner: string, ids: readonly string[]): Promise<readonly LoraRecord[]> {
    const records = await Promise.all(ids.map((id) => redis.hget(loraKey(owner, id), 'record')));
    return records.flatMap((text) => (text === null ? [] : [JSON.parse(text) as LoraRecord]));
  }

  async function read(owner: string, id: string | null | undefined): Promise<LoraRecord | undefined> {
    const [record] = id == null ? [] : await readAll(owner, [id]);
    return record;
  }

  return {
    async install(owner, lora, passing) {
      const { id, name, sha256 } = lora;
      const args = [id, name, sha256, JSON.stringify(lora), loraHolder(owner, id), passing, LIMITS.lorasOfOwner];
      return (await INSTALL(redis, [...keysOf(owner, id), holdersKey(sha256)], args)) as Installation;
    },
    async remove(owner, id) {
      const answer = await REMOVE(redis, [...keysOf(owner, id), BLOBS_KEY], [id, loraHolder(owner, id), GRACE_MS]);
      return typeof answer === 'string' ? (JSON.parse(answer) as LoraRecord) : undefined;
    },
    read,
    findByName: async (owner, name) => await read(owner, await redis.hget(loraNamesKey(owner), name)),
    async findBySha256(owner, sha256) {
      const hashes = await redis.zrangebylex(loraHashesKey(owner), `[${sha256}:`, `(${sha256};`, 'LIMIT', 0, 1);
      return await read(owner, hashes[0]?.slice(sha256.length + 1));
    },
    async list(owner, { after, limit }) {
      const from = after === '' ? '-' : `(${after}`;
      return await readAll(owner, await redis.zrangebylex(loraIdsKey(owner), from, '+', 'LIMIT', 0, limit));
    },
  };
}
