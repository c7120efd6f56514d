import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';
import { writeTinyTestbed } from '../support/tiny-testbed.ts';

/** `overtone tune` with a real engine and a real CLIP; both are random, so what is found means nothing, and that it is found does. */

let testbed: string;
let folder: string;
beforeAll(async () => {
  testbed = await writeTinyTestbed({ tuning: { share: 1, seed: 1 } });
  folder = dirname(testbed);
});
afterAll(() => rm(folder, { recursive: true }));

async function tune(...argv: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(['tune', ...argv], {
    env: { OVERTONE_LOG_LEVEL: 'silent' },
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

const FEW = ['--tries', '3', '--pictures', '1', '--steps', '1', '--sizes', '3'] as const;

test('weights are found for every set, kept, and not searched for again', async () => {
  const file = join(folder, 'weights.json');
  const first = await tune('lorahub', testbed, ...FEW, '--sets', '1', '--out', file);
  expect(first).toMatchObject({ code: 0 });
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { id: string; weight: number }[]>;
  const [set] = Object.keys(kept);
  expect(kept[set ?? '']?.map(({ id }) => id)).toEqual(set?.split('+'));

  const second = await tune('lorahub', testbed, ...FEW, '--out', file, '--json');
  const lines = second.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(1);
  expect(lines[0].tries).toHaveLength(3);
  expect(Object.entries(JSON.parse(readFileSync(file, 'utf8')))).toHaveLength(2);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(kept);
});

test('what was found for one request can be put into it', async () => {
  const request = { prompt: 'a red fox', width: 64, height: 64, steps: 1, loras: [{ id: 'peft-attention-r8' }] };
  const file = join(folder, 'request.json');
  writeFileSync(file, JSON.stringify(request));
  const places = ['--model', GOLDEN_CHECKPOINT, '--loras', GOLDEN_LORAS, '--judge', join(folder, 'clip')];
  const { code, out } = await tune('lorahub', '--request', file, ...places, '--tries', '2', '--json');
  expect(code).toBe(0);
  const { composition } = JSON.parse(out);
  writeFileSync(file, JSON.stringify({ ...request, composition }));
  const planned: string[] = [];
  const exit = await runCli(['plan', '--request', file, ...places.slice(0, 4), '--json'], {
    env: {},
    out: (text) => planned.push(text),
    err: () => undefined,
    signal: new AbortController().signal,
  });
  expect(exit).toBe(0);
  expect(JSON.parse(planned.join('')).request.composition).toEqual(composition);
});

test('merge is tuned to one scale for all sets', async () => {
  const { code, out } = await tune('merge', testbed, '--pictures', '1', '--steps', '1', '--sizes', '2', '--sets', '1');
  expect(code).toBe(0);
  expect(out).toMatch(/^scale (0\.[4-9]|1); scores 0\.4: \d+\.\d\d, .*, 1: \d+\.\d\d\n\d+ s\n$/);
});

test('a damaged file of weights is refused and not written over', async () => {
  const file = join(folder, 'damaged.json');
  writeFileSync(file, '{"a+b": 3}');
  const { code, err } = await tune('lorahub', testbed, ...FEW, '--out', file);
  expect([code, err]).toEqual([2, expect.stringContaining('a+b must be a list')]);
  expect(readFileSync(file, 'utf8')).toBe('{"a+b": 3}');
  expect(existsSync(`${file}.part`)).toBe(false);
});
