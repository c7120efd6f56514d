import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { expect, test } from 'vitest';

/** The demo as a person starts it, in a folder of the test's own: its picture, its last line, and what is left when it ends. */

const DEMO = join(import.meta.dirname, '../../dist/main/demo.js');

/** Command lines of all processes that were started with this marker in their environment. */
function processesWith(marker: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => readOrEmpty(`/proc/${pid}/environ`).includes(marker))
    .map((pid) => readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' '));
}

/** A process may end between being listed and being read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

test('the demo makes a picture of four LoRAs, describes it in one JSON line, and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-demo-test-'));
  const marker = `OVERTONE_DEMO_TEST=${folder}`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [DEMO, '--json'], {
      cwd: folder,
      env: { ...process.env, OVERTONE_DEMO_TEST: folder, TMPDIR: folder },
    });
    const said = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    expect(Object.keys(said)).toEqual([
      'image',
      'sha256',
      'pixels_sha256',
      'width',
      'height',
      'seconds',
      'loras',
      'passes',
    ]);
    expect(said.loras).toHaveLength(4);
    for (const { matched, unmatched } of said.loras) expect([matched > 0, unmatched]).toEqual([true, 0]);
    expect(said.passes.reuse).toBeGreaterThan(0);

    expect(said.image).toBe(join(folder, 'out/demo.png'));
    const file = readFileSync(said.image);
    expect(createHash('sha256').update(file).digest('hex')).toBe(said.sha256);
    const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: said.width, height: said.height, channels: 3 });
    expect(createHash('sha256').update(data).digest('hex')).toBe(said.pixels_sha256);

    const sheet = await sharp(join(folder, 'out/demo-methods.png')).metadata();
    expect([sheet.width, sheet.height]).toEqual([3 * said.width + 8, 2 * said.height + 4]);

    expect(processesWith(marker)).toEqual([]);
    expect(readdirSync(folder)).toEqual(['out']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a demo that cannot be done says why, exits with 1 and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'overtone-demo-test-'));
  const marker = `OVERTONE_DEMO_TEST=${folder}`;
  try {
    const failed = await promisify(execFile)(process.execPath, [DEMO, '--model', join(folder, 'nothing')], {
      cwd: folder,
      env: { ...process.env, OVERTONE_DEMO_TEST: folder, TMPDIR: folder },
    }).then(
      () => expect.unreachable('there is no such checkpoint'),
      (error: { code: number; stderr: string }) => error,
    );
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('nothing');
    expect(existsSync(join(folder, 'out'))).toBe(false);
    expect(processesWith(marker)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
