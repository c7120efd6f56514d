import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal } from '../../../src/evaluation/journal.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-journal-'));
  path = join(folder, 'new', 'journal.jsonl');
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => openJournal<{ readonly value: number }>(path);

test('what was added is found again by whoever opens it next', async () => {
  const journal = await open();
  await journal.add('a', { value: 1 });
  expect(journal.find('a')).toEqual({ value: 1 });
  expect((await open()).find('a')).toEqual({ value: 1 });
  expect((await open()).find('b')).toBeUndefined();
  expect((await open()).all()).toEqual([{ value: 1 }]);
});

test('half a record at the end is dropped, and what comes next is whole', async () => {
  await (await open()).add('a', { value: 1 });
  appendFileSync(path, '{"key":"b","val');
  const journal = await open();
  expect(journal.find('b')).toBeUndefined();
  await journal.add('c', { value: 3 });
  expect(readFileSync(path, 'utf8')).toBe('{"key":"a","value":1}\n{"key":"c","value":3}\n');
});

test('a damaged record before the end is refused, and not skipped', async () => {
  await (await open()).add('a', { value: 1 });
  writeFileSync(path, `oops\n${readFileSync(path, 'utf8')}`);
  await expect(open()).rejects.toThrow('journal.jsonl, line 1 is no record');
});
