import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileVaeDecoder } from '../../src/compiler/models/vae-decoder.ts';
import { describeModel } from '../../src/engine/describe-model.ts';
import { type Engine, openEngine } from '../../src/engine/open-engine.ts';
import { Session } from '../../src/engine/session.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { largestDifference } from '../support/deviation.ts';
import { GOLDEN_CHECKPOINT, readGoldenCheckpoint } from '../support/golden-checkpoint.ts';
import { goldenTensors } from '../support/golden-data.ts';
import { GOLDEN_LORAS, openGoldenEngine, resolveGolden } from '../support/golden-engine.ts';

/** The engine around real ONNX Runtime: what it says of a model, and what it refuses. Pictures are tested in golden and batching. */

describe('a session', () => {
  let session: Session;
  beforeAll(async () => {
    const checkpoint = await readGoldenCheckpoint();
    const { bytes } = compileVaeDecoder(checkpoint);
    const { directory } = checkpoint;
    session = await Session.open({ bytes, directory, device: 'cpu', threads: 1, keepsMemory: false });
  });
  afterAll(() => session.close());

  const latent = { data: new Float32Array(4 * 8 * 8), dims: [1, 4, 8, 8] };

  test('runs what is fed exactly', async () => {
    const planes = (await session.run(new Map([['latent', latent]]), ['planes'])).get('planes');

    expect(planes?.dims).toEqual([1, 3, 64, 64]);
  });

  test('refuses a feed that is no input, which the runtime would ignore in silence', async () => {
    const feeds = new Map([
      ['latent', latent],
      ['latant', latent],
    ]);

    await expect(session.run(feeds, ['planes'])).rejects.toThrow('the graph has no input latant');
  });

  test('refuses to run with an input missing', async () => {
    await expect(session.run(new Map(), ['planes'])).rejects.toThrow('nothing is fed to latent');
  });
});

describe('the descriptor', () => {
  test('says what the checkpoint says', async () => {
    const { loraTargets, ...model } = describeModel(await readGoldenCheckpoint(), {}, 'cpu');

    expect(model).toMatchObject({
      id: 'checkpoint',
      family: 'sd1',
      device: 'cpu',
      latentChannels: 4,
      latentScale: 8,
      sideMultiple: 8,
      unet: { layersPerBlock: 2, levels: 4 },
      defaults: { width: 128, height: 128, steps: 25, guidance_scale: 7.5, sampler: 'ddim' },
    });
    expect(new Set(loraTargets.map(({ component }) => component))).toEqual(new Set(['unet', 'text_encoder']));
  });

  test("prefers the folder's own defaults, an explicit 0 included", async () => {
    const checkpoint = await readGoldenCheckpoint();

    const { defaults } = describeModel(checkpoint, { steps: 8, guidance_scale: 0, width: 64 }, 'cpu');

    expect(defaults).toEqual({ width: 64, height: 128, steps: 8, guidance_scale: 0, sampler: 'ddim' });
  });
});

describe('an engine', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openGoldenEngine();
  });
  afterAll(() => engine.close());

  const never = new AbortController().signal;

  test('takes no LoRA whose file is another one than the request was accepted with', async () => {
    const other = { id: 'kohya-attention-r4', sha256: 'f'.repeat(64) };

    await expect(engine.acquireAdapters([other], never)).rejects.toMatchObject({
      problems: [
        {
          code: 'lora_not_found',
          message: `LoRA kohya-attention-r4 with sha256 ${other.sha256} is not there any more`,
        },
      ],
    });
    expect(engine.usage().leasedAdapters).toBe(0);
  });

  test('finds a LoRA by its hash when its id is gone', async () => {
    const { loras } = await resolveGolden(engine, { prompt: '', loras: [{ id: 'kohya-attention-r4' }] });
    const [lora] = loras;

    const lease = await engine.acquireAdapters([{ id: 'renamed', sha256: lora?.sha256 ?? '' }], never);

    expect(engine.usage().leasedAdapters).toBe(1);
    lease.release();
    expect(engine.usage().leasedAdapters).toBe(0);
  });

  test('gives every lease a name of its own', async () => {
    const leases = await Promise.all([engine.acquireAdapters([], never), engine.acquireAdapters([], never)]);

    expect(new Set(leases.map(({ name }) => name)).size).toBe(2);
  });

  test('encodes a picture and decodes it again', async () => {
    const picture = goldenTensors('vae-encoder.safetensors');

    const { mean, deviation } = await engine.encode(picture('wide/image'), never);

    expect(largestDifference(mean, picture('wide/mean'))).toBeLessThan(1e-3);
    expect(largestDifference(deviation, picture('wide/deviation'))).toBeLessThan(1e-3);
    expect((await engine.decode(mean, never)).dims).toEqual(picture('wide/image').dims);
  });

  test('encodes and decodes nothing for a signal that is aborted', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    const { ids } = engine.tokenize('a fox');

    await expect(engine.encodeText([{ ids, adapters: [] }], gone)).rejects.toThrow('gone');
    await expect(engine.decode({ data: new Float32Array(256), dims: [1, 4, 8, 8] }, gone)).rejects.toThrow('gone');
    await expect(engine.encode({ data: new Float32Array(192), dims: [1, 3, 8, 8] }, gone)).rejects.toThrow('gone');
  });
});

describe('loading', () => {
  const logger = createLogger({ program: 'test', level: 'silent' });

  test('tells what it is about, in order', async () => {
    const parts: string[] = [];
    const engine = await openEngine({
      checkpoint: GOLDEN_CHECKPOINT,
      loras: GOLDEN_LORAS,
      device: 'cpu',
      threads: 1,
      onProgress: ({ part, done, total }) => parts.push(`${part} ${done}/${total}`),
      logger,
    });
    await engine.close();

    expect(parts).toEqual(['checkpoint 0/4', 'text encoder 1/4', 'U-Net 2/4', 'VAE decoder 3/4', 'ready 4/4']);
  });

  test('says which device is not there, and which is', async () => {
    const opening = openEngine({ checkpoint: GOLDEN_CHECKPOINT, loras: undefined, device: 'cuda:7', logger });

    await expect(opening).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^device cuda:7 cannot be used \(.*\); cpu can$/s),
    });
  });
});
