import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';

/** The built program measures real LoRAs. The golden checkpoint has random weights: what is held is the machinery, not the scores. */

const PROGRAM = join(import.meta.dirname, '../../bin/overtone.mjs');
const [A, B] = ['kohya-full-mixed', 'peft-attention-r8'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-profile-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const profile = (...argv: readonly string[]) => overtone('profile', ...argv);

function overtone(...argv: readonly string[]): Promise<Finished> {
  const env = { ...process.env, OVERTONE_MODEL: GOLDEN_CHECKPOINT, OVERTONE_LORAS: GOLDEN_LORAS };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, ...argv], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const small = ['--size', '96x96', '--steps', '5', '--json'];

/** A cache's files by name. */
async function filesOf(cache: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(cache)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(cache, name), 'utf8')] as const)),
  );
}

test('LoRAs are measured, sorted and drawn; alone and together each has the same profile, to the byte', {
  timeout: 300_000,
}, async () => {
  const [together, alone, out] = ['together', 'alone', 'new/plot.svg'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];

  const both = await profile(...small, '--lora', A, '--lora', B, '--cache', together, '--out', out);
  const one = await profile(...small, '--lora', B, '--cache', alone);

  expect([both.code, one.code]).toEqual([0, 0]);
  const json = JSON.parse(both.stdout);
  expect(json.loras.map(({ id }: { id: string }) => id)).toEqual([A, B]);
  for (const { pixel, latent, reused } of json.loras) {
    for (const { score, strength } of [pixel, latent]) {
      expect(score).toBeGreaterThan(0);
      expect(score).toBeLessThan(1);
      expect(strength).toBeGreaterThan(0);
    }
    expect(reused).toBe(false);
  }
  expect([...json.order].sort()).toEqual([A, B]);
  expect([...json.sets.high, ...json.sets.low]).toEqual(json.order);

  const [name, kept] = [...(await filesOf(alone))][0] ?? [];
  expect((await filesOf(together)).get(name ?? '')).toBe(kept);
  expect(await sharp(out).metadata()).toMatchObject({ format: 'svg', width: 1000 });
});

test('what a cache holds is not measured again, and what a person says of a LoRA stands', async () => {
  const cache = join(folder, 'together');

  const { stdout } = await profile(...small, '--lora', A, '--lora', B, '--cache', cache, '--class', `${A}=background`);

  const json = JSON.parse(stdout);
  expect(json.loras.map(({ reused }: { reused: boolean }) => reused)).toEqual([true, true]);
  expect(json.sets.low).toContain(A);
  expect((await filesOf(cache)).size).toBe(2);
});

test('a plan takes classes that nobody says from what a cache holds', async () => {
  const cache = join(folder, 'together');
  const loras = ['--lora', A, '--lora', B];
  const { loras: measured } = JSON.parse((await profile(...small, ...loras, '--cache', cache)).stdout);

  const plan = await overtone('plan', '--prompt', 'a fox', ...loras, '--profile-cache', cache, '--json');

  const { leading } = JSON.parse(plan.stdout);
  // Two random LoRAs: whether the halves of the seeds agree on them is chance, and either way it is said.
  const sources = leading.halves_tau === 1 ? ['profile', 'profile'] : ['unclear', 'unclear'];
  expect(leading.classes.map(({ source }: { source: string }) => source)).toEqual(sources);
  expect(leading.classes.map(({ score }: { score: number }) => score)).toEqual(
    measured.map(({ pixel }: { pixel: { score: number } }) => pixel.score),
  );
});

test('prompts come from a file, and what cannot be measured with is refused before anything is loaded', async () => {
  const prompts = join(folder, 'prompts.txt');
  await writeFile(prompts, 'a fox\n\na house\n');

  const { code, stdout, stderr } = await profile('--prompts', prompts, '--seeds', '2', '--steps', '1', '--lora', A);

  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.trimEnd().split('\n')).toEqual([
    'overtone: there are 2 prompts to measure with; must be 4 to 64',
    'overtone: there are 2 seeds to measure with; must be 4 to 64',
    'overtone: steps is 1; must be an integer from 5 to 150',
  ]);
});

test('LoRAs that are not there are all named', async () => {
  const { code, stderr } = await profile('--lora', 'nobody', '--lora', 'nothing');

  expect(code).toBe(2);
  expect(stderr).toContain("--lora is 'nobody'");
  expect(stderr).toContain("--lora is 'nothing'");
});

test('--help says how it is used', async () => {
  const { code, stdout } = await profile('--help');

  expect(code).toBe(0);
  expect(stdout).toContain('usage: overtone profile');
});
