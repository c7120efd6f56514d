import { existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readHealthFile, STALE_MS, startHealthFile } from '../../../src/main/health-file.ts';

const logger = pino({ level: 'silent' });
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'overtone-health-'));
  path = join(folder, 'health');
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

test('the file says what the worker has said last, and is gone with it', () => {
  const health = startHealthFile({ path, logger });
  expect(readHealthFile(path, Date.now())).toBe('starting');
  health.set('ready');
  expect(readHealthFile(path, Date.now())).toBe('ready');
  health.close();
  expect(existsSync(path)).toBe(false);
  expect(readHealthFile(path, Date.now())).toBe('dead');
});

test('a file that nobody writes any more is that of a dead worker', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const health = startHealthFile({ path, logger });
  health.set('ready');
  const longAgo = (Date.now() - STALE_MS - 1000) / 1000;
  utimesSync(path, longAgo, longAgo);
  expect(readHealthFile(path, Date.now())).toBe('dead');
  vi.advanceTimersToNextTimer();
  expect(readHealthFile(path, Date.now())).toBe('ready');
  health.close();
});

test('a folder that is gone costs the worker a warning and no more', () => {
  rmSync(folder, { recursive: true });
  const health = startHealthFile({ path, logger });
  expect(() => health.set('ready')).not.toThrow();
  health.close();
});
