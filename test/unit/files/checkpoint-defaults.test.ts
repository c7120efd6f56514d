import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/core/problem.ts';
import { readCheckpointDefaults } from '../../../src/files/checkpoint-defaults.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-defaults-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function defaultsOf(text: string): Promise<unknown> {
  await writeFile(join(folder, 'overtone.json'), text);
  return readCheckpointDefaults(folder);
}

test('a folder without overtone.json has no defaults of its own', async () => {
  await expect(readCheckpointDefaults(join(folder, 'nowhere'))).resolves.toEqual({});
});

test('what the file says is taken, an explicit 0 included', async () => {
  const defaults = { steps: 20, guidance_scale: 0, sampler: 'euler', width: 128, height: 192 };

  await expect(defaultsOf(JSON.stringify(defaults))).resolves.toEqual(defaults);
});

describe('a file that cannot be used', () => {
  test('names every field that is wrong', async () => {
    const problem = (message: string) =>
      ({ code: 'unsupported_checkpoint', subject: 'overtone.json', message }) as const;

    await expect(defaultsOf('{"steps":0,"sampler":"magic","width":100,"cfg":7}')).rejects.toEqual(
      new InputError([
        problem('overtone.json: steps is 0; must be an integer from 1 to 150'),
        problem('overtone.json: sampler is "magic"; must be ddim or dpmpp-2m or euler or euler-ancestral or heun'),
        problem('overtone.json: width is 100; must be a multiple of 8 from 64 to 1024'),
        problem('overtone.json has cfg; allowed are steps, guidance_scale, sampler, width, height'),
      ]),
    );
  });

  test.each([
    ['{', 'overtone.json is not JSON'],
    ['[]', 'overtone.json is not a JSON object'],
  ])('%s is refused', async (text, message) => {
    await expect(defaultsOf(text)).rejects.toThrow(message);
  });
});
