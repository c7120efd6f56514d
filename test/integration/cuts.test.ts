import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Cut } from '../../src/core/composition/method.ts';
import type { Engine } from '../../src/engine/open-engine.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { GOLDEN_LORAS, openGoldenEngine, picturesOf, resolveGolden } from '../support/golden-engine.ts';
import { allEvents } from '../support/read-events.ts';
import { jsonOf, postJson, startTestService } from '../support/test-service.ts';

/**
 * Every cut of the U-Net through the whole pipeline. That a reuse pass is right at each of them is test/golden/unet.test.ts; what
 * whole pictures at five of them must be is test/golden/pictures.test.ts.
 */

const CUTS = [0, 1, 2, 3].flatMap((level) => [1, 2, 3].map((layers): Cut => ({ level, layers })));

const LORAS = ['kohya-attention-r4', 'peft-attention-r8'];
const compositionAt = (cut: Cut) => ({ method: 'cmlora', cut, refresh: { policy: 'oldest_first', every: 1 } });
const REQUEST = { prompt: 'a red fox', width: 64, height: 64, steps: 4, seed: 3 };

describe('a request may name any cut of the checkpoint', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openGoldenEngine();
  });
  afterAll(() => engine.close());

  test('and each gives a picture of its own, with the same passes', async () => {
    const pictures = new Map<string, Cut>();
    for (const cut of CUTS) {
      const loras = LORAS.map((id) => ({ id }));
      const request = await resolveGolden(engine, { ...REQUEST, loras, composition: compositionAt(cut) });
      const { images, done } = await picturesOf(engine, request);
      expect(done.passes.full + done.passes.reuse).toBe((LORAS.length + 1) * REQUEST.steps);
      expect(done.passes.reuse).toBeGreaterThan(0);
      pictures.set(Buffer.from(images[0]?.pixels ?? []).toString('base64'), cut);
    }
    expect([...pictures.values()]).toEqual(CUTS);
  });
});

test('the cut {1,1} gives the same file by HTTP and by the command line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-cuts-'));
  const service = await startTestService();
  try {
    const composition = compositionAt({ level: 1, layers: 1 });
    const body = { ...REQUEST, loras: LORAS.map((id) => ({ id })), composition };
    const { urls } = await jsonOf(postJson(`${service.httpUrl}/v1/generations`, body));
    await allEvents(await fetch(`${service.httpUrl}${urls.events}`));
    const { result } = await jsonOf(fetch(`${service.httpUrl}${urls.self}`));

    const { method, ...options } = composition;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        ...[join(import.meta.dirname, '../../bin/overtone.mjs'), 'generate', '--json'],
        ...[
          '--out',
          join(folder, 'fox.png'),
          '--prompt',
          REQUEST.prompt,
          '--size',
          '64x64',
          '--steps',
          '4',
          '--seed',
          '3',
        ],
        ...LORAS.flatMap((id) => ['--lora', id]),
        ...['--method', method, '--composition', JSON.stringify(options)],
      ],
      { env: { ...process.env, OVERTONE_MODEL: GOLDEN_CHECKPOINT, OVERTONE_LORAS: GOLDEN_LORAS } },
    );
    expect(JSON.parse(stdout).sha256).toBe(result.images[0]?.sha256);
    expect(JSON.parse(stdout).passes.reuse).toBeGreaterThan(0);
  } finally {
    await service.close();
    await rm(folder, { recursive: true });
  }
});
