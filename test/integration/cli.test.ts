import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS } from '../support/golden-engine.ts';

/** The real program, built, in a process of its own. */

const PROGRAM = join(import.meta.dirname, '../../bin/overtone.mjs');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function overtone(...argv: readonly string[]): Promise<Finished> {
  const env = { ...process.env, OVERTONE_MODEL: GOLDEN_CHECKPOINT, OVERTONE_LORAS: GOLDEN_LORAS };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, ...argv], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const small = ['--prompt', 'a red fox', '--size', '64x64', '--steps', '4', '--seed', '3'];
const four = [
  ...['--lora', 'kohya-feedforward-r6:0.8', '--lora', 'peft-full-metadata:0.7'],
  ...['--lora', join(GOLDEN_LORAS, 'kohya-attention-r4.safetensors'), '--lora', 'legacy-cross-attention-r2:-0.9'],
];

describe('overtone generate', () => {
  test('makes a PNG with its recipe inside, and one line of JSON about it', async () => {
    const out = join(folder, 'new', 'fox.png');

    const { code, stdout } = await overtone(
      'generate',
      ...small,
      ...four,
      '--method',
      'cmlora',
      '--out',
      out,
      '--json',
    );

    expect(code).toBe(0);
    const result = JSON.parse(stdout);
    expect(Object.keys(result)).toEqual([
      'image',
      'sha256',
      'pixels_sha256',
      'width',
      'height',
      'seconds',
      'loras',
      'passes',
    ]);
    expect(result).toMatchObject({ image: out, width: 64, height: 64 });
    expect(result.loras.map(({ id }: { id: string }) => id)).toContain('kohya-attention-r4');
    expect(result.passes.full + result.passes.reuse).toBe(4 * (4 + 1));
    const { format, width, comments } = await sharp(out).metadata();
    expect({ format, width }).toEqual({ format: 'png', width: 64 });
    expect(JSON.parse(comments?.[0]?.text ?? '')).toMatchObject({
      seed: 3,
      request: { prompt: 'a red fox', steps: 4 },
    });
  });

  test('makes the same file again, and another one from another seed', async () => {
    const [first, second, other] = ['1.png', '2.png', '3.png'].map((name) => join(folder, name));

    await overtone('generate', ...small, ...four, '--out', first ?? '');
    await overtone('generate', ...small, ...four, '--out', second ?? '');
    await overtone('generate', ...small, ...four, '--seed', '4', '--out', other ?? '');

    const bytes = await Promise.all([first, second, other].map((path) => readFile(path ?? '')));
    expect(bytes[1]).toEqual(bytes[0]);
    expect(bytes[2]).not.toEqual(bytes[0]);
  });

  test('tells a person what each LoRA did, who led when, and how long it took', async () => {
    const { stdout } = await overtone('generate', ...small, ...four, '--out', join(folder, 'told.png'));

    expect(stdout).toContain('LoRA kohya-feedforward-r6: kohya, rank 6, alpha 1; 64 U-Net and 12 text encoder layers');
    expect(stdout).toMatch(/plan: cmlora, 4 evaluations, \d+ full and \d+ reuse rows/);
    expect(stdout).toMatch(/leaders: kohya-feedforward-r6 0, peft-full-metadata 1/);
    expect(stdout).toMatch(/time: model .* LoRAs .* denoise .* PNG/);
    expect(stdout).toContain('told.png: 64x64, seed 3');
  });
});

describe('bad input', () => {
  test('names every problem on stderr, exits with 2 and writes nothing', async () => {
    const out = join(folder, 'never.png');

    const { code, stdout, stderr } = await overtone(
      ...['generate', '--steps', '0', '--size', '100x64', '--sampler', 'magic', '--out', out],
    );

    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringContaining('width is 100'),
      expect.stringContaining('steps is 0'),
      expect.stringContaining('sampler is "magic"'),
      expect.stringContaining('prompt is missing'),
    ]);
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });

  test.each([
    ['an unknown LoRA', ['--lora', 'nobody'], 'nobody'],
    ['a file that is not there', ['--lora', 'nowhere/x.safetensors:0.5'], "--lora is 'nowhere/x.safetensors'"],
    ['a file that is cut short', ['--lora', join(GOLDEN_LORAS, 'bad/truncated.safetensors')], 'truncated.safetensors'],
    ['a LoRA of another base model', ['--lora', join(GOLDEN_LORAS, 'bad/sdxl.safetensors')], 'SDXL'],
    ['a folder of LoRAs that is not there', ['--loras', '/nowhere'], "--loras is '/nowhere'"],
    ['a checkpoint that is not there', ['--model', '/nowhere'], 'missing from /nowhere'],
  ])('%s', async (_, argv, words) => {
    const { code, stderr } = await overtone('generate', ...small, ...argv, '--out', join(folder, 'never.png'));

    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(stderr).not.toContain('    at ');
  });
});

test('--help says how it is used', async () => {
  const { code, stdout } = await overtone('--help');

  expect(code).toBe(0);
  expect(stdout).toContain('usage: overtone generate');
});
