import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** The short forms of `npm run chaos` and `npm run soak`: the same programs, for seconds instead of hours. */

/** The last line of what a script of this folder prints, which is JSON. */
async function lastLineOf(script: string, ...args: readonly string[]): Promise<unknown> {
  const path = join(import.meta.dirname, script);
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args, '--json'], { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

test('a round of random kills loses, doubles and mixes up nothing, and answers everybody', async () => {
  // A seed that kills a worker and a gateway.
  expect(await lastLineOf('run.mjs', '--rounds', '1', '--jobs', '6', '--seed', '1')).toEqual({
    ...{ rounds: 1, accepted: 6 },
    ...{ lost: 0, doubled: 0, mixed: 0, unanswered: 0 },
  });
}, 300_000);

test('a hundred jobs with 50 LoRAs, of which ten have room, leave the picture without LoRAs as it was', async () => {
  const report = await lastLineOf('soak.mjs', '--minutes', '0.05', '--jobs', '100');
  expect(report).toMatchObject({ jobs: 100, failed: 0, restarts: 0, base: 'same', loras: { used: 50, room: 10 } });
  const { loras, memory } = report as { loras: { evictions: number; mib: number }; memory: { engine: object } };
  // Every one of them was wanted, and ten are still there.
  expect(loras.evictions).toBeGreaterThanOrEqual(40);
  expect(loras.mib).toBeLessThanOrEqual(6);
  expect(memory.engine).toMatchObject({ drift_percent: expect.any(Number) });
}, 300_000);
