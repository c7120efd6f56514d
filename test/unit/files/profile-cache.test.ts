import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openProfileCache } from '../../../src/files/profile-cache.ts';
import { loraProfile } from '../../support/lora-profile.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-profiles-'));
});
afterEach(() => rm(folder, { recursive: true }));

const profile = loraProfile();

test('what was kept is found again, by another reader too', async () => {
  const directory = join(folder, 'not', 'there', 'yet');
  expect(await openProfileCache(directory).find(profile)).toBeUndefined();

  await openProfileCache(directory).keep(profile);
  expect(await openProfileCache(directory).find(profile)).toEqual(profile);
});

test.each([
  ['another base model', loraProfile({ model_sha256: 'c'.repeat(64) })],
  ['another LoRA', loraProfile({ lora_sha256: 'c'.repeat(64) })],
  ['another setting', loraProfile({ settings: { ...profile.settings, steps: 21 } })],
  ['other prompts', loraProfile({ settings: { ...profile.settings, prompts: ['a', 'b', 'c', 'd'] } })],
])('%s is not measured yet', async (_, other) => {
  const cache = openProfileCache(folder);
  await cache.keep(profile);
  expect(await cache.find(other)).toBeUndefined();
});

test('the order in which settings are written down does not matter', async () => {
  const cache = openProfileCache(folder);
  await cache.keep(profile);
  const settings = Object.fromEntries(Object.entries(profile.settings).reverse()) as typeof profile.settings;
  expect(await cache.find({ ...profile, settings })).toEqual(profile);
});

test.each([
  ['is cut off', (text: string) => text.slice(0, 100)],
  ['has been changed', (text: string) => text.replace('"score":0.4', '"score":0.9')],
  ['is something else', () => '[]'],
])('a file that %s is refused by name, and never taken for a profile', async (_, damage) => {
  const cache = openProfileCache(folder);
  await cache.keep(profile);
  const [name = ''] = await readdir(folder);
  await writeFile(join(folder, name), damage(await readFile(join(folder, name), 'utf8')));

  await expect(cache.find(profile)).rejects.toThrow(`${name} is no profile`);
});

test('keeping leaves one file and no draft', async () => {
  const cache = openProfileCache(folder);
  await cache.keep(profile);
  await cache.keep(profile);
  expect(await readdir(folder)).toHaveLength(1);
});

test('of each LoRA of a model the profile that was measured last is found, whatever its settings', async () => {
  const cache = openProfileCache(folder);
  const again = loraProfile({ settings: { ...profile.settings, prompts: ['a', 'b', 'c', 'd'] } });
  const elsewhere = loraProfile({ model_sha256: 'c'.repeat(64), lora_sha256: 'd'.repeat(64) });
  for (const measured of [profile, elsewhere]) await cache.keep(measured);
  // Files of one millisecond have no order.
  for (const name of await readdir(folder)) await utimes(join(folder, name), 1, 1);
  await cache.keep(again);

  expect(await cache.newest(profile.model_sha256)).toEqual(new Map([[profile.lora_sha256, again]]));
});
