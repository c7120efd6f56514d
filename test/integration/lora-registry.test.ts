import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LoraRecord } from '../../src/contract/lora-record.ts';
import { BLOBS_KEY, holdersKey } from '../../src/contract/redis-keys.ts';
import { type BlobLedger, createBlobLedger, passingHolder } from '../../src/store/blob-ledger.ts';
import { createLoraRegistry, type LoraRegistry } from '../../src/store/lora-registry.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

/** The registry in a real Redis. Owner names with colons in them must not meet. */

let server: TestRedis;
let redis: Redis;
let registry: LoraRegistry;
let ledger: BlobLedger;

beforeAll(async () => {
  server = await startTestRedis();
  redis = server.connect();
  registry = createLoraRegistry(redis);
  ledger = createBlobLedger(redis);
});

afterAll(() => server.close());

beforeEach(() => redis.flushall());

const [SHA_1, SHA_2] = ['1'.repeat(64), '2'.repeat(64)];
const PASSING = passingHolder(Date.now() + 60_000, 'test');

function lora(id: string, change: Partial<LoraRecord> = {}): LoraRecord {
  return {
    ...{ id, name: id, sha256: SHA_1, bytes: 10, format: 'kohya', base: 'sd1', ranks: [4], alphas: [4] },
    ...{ category: null, triggers: [], metadata: {}, uploaded_at: '2026-01-01T00:00:00.000Z' },
    ...change,
  };
}

async function install(owner: string, record: LoraRecord) {
  await ledger.hold(record.sha256, PASSING);
  return registry.install(owner, record, PASSING);
}

test('a LoRA is found by its id, its name and its hash, by its owner alone', async () => {
  const ink = lora('ink', { name: 'Ink wash' });
  expect(await install('ann', ink)).toBe('installed');
  for (const owner of ['ann', 'bob', 'a', 'ann:ink', '']) {
    const found = [
      await registry.read(owner, 'ink'),
      await registry.findByName(owner, 'Ink wash'),
      await registry.findBySha256(owner, SHA_1),
      ...(await registry.list(owner, { after: '', limit: 10 })),
    ];
    expect(found).toEqual(owner === 'ann' ? [ink, ink, ink, ink] : [undefined, undefined, undefined]);
  }
  expect(await registry.findBySha256('ann', SHA_2)).toBeUndefined();
});

test('two owners may have the same id, and the same file', async () => {
  expect(await install('ann', lora('ink'))).toBe('installed');
  expect(await install('bob', lora('ink'))).toBe('installed');
  expect(await redis.scard(holdersKey(SHA_1))).toBe(2);
  await registry.remove('ann', 'ink');
  expect(await registry.read('bob', 'ink')).toEqual(lora('ink'));
  expect(await registry.findBySha256('ann', SHA_1)).toBeUndefined();
});

test('an id or a name that stands for other bytes is taken', async () => {
  await install('ann', lora('ink', { name: 'Ink' }));
  expect(await install('ann', lora('ink', { sha256: SHA_2 }))).toBe('id taken');
  expect(await install('ann', lora('other', { name: 'Ink' }))).toBe('name taken');
  expect(await registry.list('ann', { after: '', limit: 10 })).toEqual([lora('ink', { name: 'Ink' })]);
});

test('the same file again under its id only changes what is said of it', async () => {
  await install('ann', lora('ink', { name: 'Ink' }));
  expect(await install('ann', lora('ink', { name: 'Ink wash', triggers: ['ink'] }))).toBe('replaced');
  expect(await registry.findByName('ann', 'Ink')).toBeUndefined();
  expect((await registry.findByName('ann', 'Ink wash'))?.triggers).toEqual(['ink']);
});

test('one file under two ids is found by its hash until both are deleted', async () => {
  await install('ann', lora('a'));
  await install('ann', lora('b'));
  await registry.remove('ann', 'a');
  expect((await registry.findBySha256('ann', SHA_1))?.id).toBe('b');
  await registry.remove('ann', 'b');
  expect(await registry.findBySha256('ann', SHA_1)).toBeUndefined();
});

test('a deleted LoRA leaves nothing but a blob that a sweep looks at soon', async () => {
  await install('ann', lora('ink'));
  expect(await registry.remove('ann', 'ink')).toEqual(lora('ink'));
  expect(await registry.remove('ann', 'ink')).toBeUndefined();
  expect((await redis.keys('*')).sort()).toEqual([BLOBS_KEY]);
  const look = Number(await redis.zscore(BLOBS_KEY, SHA_1));
  expect(look - Date.now()).toBeLessThan(70_000);
});

test('a LoRA whose blob nobody holds any longer is not installed', async () => {
  expect(await registry.install('ann', lora('ink'), PASSING)).toBe('gone');
  expect(await redis.keys('*')).toEqual([]);
});

test('a list comes in pages that lose nothing and repeat nothing', async () => {
  const ids = Array.from({ length: 25 }, (_, index) => `lora-${index}`);
  for (const id of ids) await install('ann', lora(id));
  const found: string[] = [];
  for (let after = ''; ; after = found.at(-1) ?? '') {
    const page = await registry.list('ann', { after, limit: 10 });
    found.push(...page.map(({ id }) => id));
    if (page.length < 10) break;
  }
  expect(found).toEqual(ids.toSorted());
});
