import { describe, expect, test } from 'vitest';
import type { ModelDescriptor } from '../../../src/contract/model-descriptor.ts';
import type { PipelineEvent } from '../../../src/contract/pipeline-event.ts';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import type { Composition } from '../../../src/core/composition/options.ts';
import { elementCount, type Tensor } from '../../../src/core/tensor/tensor.ts';
import { describePlan } from '../../../src/pipeline/describe-plan.ts';
import { generate } from '../../../src/pipeline/generate.ts';
import type { EnginePorts, TextRow, UnetRow } from '../../../src/pipeline/ports.ts';
import { sd15Scheduler } from '../../support/sd15-scheduler.ts';

const MODEL: ModelDescriptor = {
  id: 'fake',
  sha256: '0'.repeat(64),
  family: 'sd1',
  device: 'cpu',
  latentChannels: 4,
  latentScale: 8,
  sideMultiple: 8,
  unet: { layersPerBlock: 2, levels: 4 },
  passCosts: {
    full: { fixed: 1, levels: [] },
    reuse: [{ cut: { level: 0, layers: 1 }, cost: { fixed: 0.08, levels: [] } }],
  },
  scheduler: sd15Scheduler,
  loraTargets: [],
  defaults: { width: 64, height: 64, steps: 25, guidance_scale: 7.5, sampler: 'ddim' },
};

const MERGE: Composition = { method: 'merge', scale: 1, text_encoder: 'all' };
const CMLORA: Composition = {
  method: 'cmlora',
  preset: 'fast',
  direction: 'high_first',
  mode: 'offline',
  threshold: null,
  phase_at: 0.6,
  late_set: 'low',
  turn: { near: 2, middle: 3, bounds: [0.375, 0.875] },
  weights: { initial: 'n_minus_half', decay: 'none', floor: 1 },
  refresh: { policy: 'leader', every: 1, max_age: 4, warm_up: 1, forced_end: 0 },
  cut: { level: 0, layers: 1 },
  cache: 'feature',
  uncond: 'per_lora',
  text_encoder: 'own',
  order: null,
  parity: 'none',
};

const lora = (id: string): ResolvedRequest['loras'][number] => ({
  id,
  sha256: id.repeat(64),
  weight: { unet: 0.5, text_encoder: 0.25 },
  frequency_class: 'high',
  frequency_class_assumed: false,
});

const REQUEST: ResolvedRequest = {
  model: 'fake',
  model_sha256: MODEL.sha256,
  prompt: 'a fox',
  negative_prompt: 'a blur',
  width: 16,
  height: 24,
  steps: 4,
  guidance_scale: 7.5,
  guidance_rescale: 0,
  sampler: 'ddim',
  seed: 5,
  n: 1,
  loras: [],
  composition: MERGE,
  output: { format: 'png' },
};

const ranking = { split: null, halvesTau: null, orderSource: 'classes' } as const;
const planned = (request: ResolvedRequest) => describePlan({ request, loras: [], ranking, warnings: [] }, MODEL);

const filled = (dims: readonly number[], value: number): Tensor => ({
  data: new Float32Array(elementCount(dims)).fill(value),
  dims,
});

/** An engine that computes next to nothing and writes down all that it is asked. */
function fakePorts(overrides: Partial<EnginePorts> = {}) {
  const calls = { text: [] as TextRow[], unet: [] as UnetRow[], dropped: [] as string[], leases: 0, encodes: 0 };
  const ports: EnginePorts = {
    tokenize: (text) => ({ ids: [text.length, 0, 0], truncated: text.length > 20 }),
    async encodeText(rows) {
      calls.encodes += 1;
      calls.text.push(...rows);
      return rows.map((_, index) => filled([1, 3, 2], index));
    },
    async predict(rows) {
      calls.unet.push(...rows);
      return rows.map(({ latent }) => filled(latent.dims, 0.1));
    },
    latentColours: async () => [0, 1, 2].map(() => [1, 0, 0, 0, 0]),
    baseMedian: async () => 0.5,
    decode: async ({ dims: [, , height = 0, width = 0] }) => filled([1, 3, 8 * height, 8 * width], 0),
    async acquireAdapters() {
      calls.leases += 1;
      return {
        name: 'lease-1',
        release: () => {
          calls.leases -= 1;
        },
      };
    },
    dropFeatures: (prefix) => {
      calls.dropped.push(prefix);
    },
    ...overrides,
  };
  return { calls, ports };
}

const never = new AbortController().signal;

async function run(request: ResolvedRequest, ports: EnginePorts): Promise<readonly PipelineEvent[]> {
  const events: PipelineEvent[] = [];
  for await (const event of generate(request, MODEL, ports, never, () => 0)) events.push(event);
  return events;
}

describe('events', () => {
  test('come in order: the steps of an image, the image, and done at the very end', async () => {
    const events = await run({ ...REQUEST, n: 2 }, fakePorts().ports);

    const imageEvents = (image: number) => [...[1, 2, 3, 4].map((step) => ['step', image, step]), ['image', image]];
    expect(
      events.map((event) => {
        if (event.type === 'step') return [event.type, event.image, event.step];
        return event.type === 'image' ? [event.type, event.image] : [event.type];
      }),
    ).toEqual([...imageEvents(0), ...imageEvents(1), ['done']]);
  });

  test('carry pictures of the size and the seed that were asked for', async () => {
    const images = (await run({ ...REQUEST, n: 2 }, fakePorts().ports)).filter((event) => event.type === 'image');

    expect(images.map(({ seed, width, height, pixels }) => [seed, width, height, pixels.length])).toEqual([
      [5, 16, 24, 3 * 16 * 24],
      [6, 16, 24, 3 * 16 * 24],
    ]);
  });

  test('name the leader of each step as the request names it', async () => {
    const request = { ...REQUEST, loras: [lora('a'), lora('b')], composition: CMLORA };
    const steps = (await run(request, fakePorts().ports)).filter((event) => event.type === 'step');

    expect(steps.map(({ leader }) => leader)).toEqual(planned(request).plan.map(({ leader }) => leader));
  });
});

describe('previews', () => {
  const collect = async (everySteps?: number) => {
    const preview = everySteps === undefined ? undefined : { every_steps: everySteps };
    const { ports } = fakePorts();
    const events: PipelineEvent[] = [];
    const request = { ...REQUEST, steps: 7, n: 2 };
    for await (const event of generate(request, MODEL, ports, new AbortController().signal, () => 0, preview)) {
      events.push(event);
    }
    return events;
  };

  test('come after every so many steps of each picture, and not after the last', async () => {
    const previews = (await collect(3)).filter((event) => event.type === 'preview');
    expect(previews.map(({ image, step }) => [image, step])).toEqual([
      [0, 3],
      [0, 6],
      [1, 3],
      [1, 6],
    ]);
    // One pixel for each cell of a latent of 16x24 pixels.
    for (const { width, height, pixels } of previews) {
      expect([width, height, pixels.length]).toEqual([2, 3, 18]);
    }
    expect((await collect(7)).filter((event) => event.type === 'preview')).toEqual([]);
  });

  test('change nothing else', async () => {
    const without = await collect();
    expect((await collect(2)).filter((event) => event.type !== 'preview')).toEqual(without);
  });
});

describe('done', () => {
  test('counts the passes that ran over all images, which are those of the plan', async () => {
    const request = { ...REQUEST, n: 2, loras: [lora('a'), lora('b'), lora('c')], composition: CMLORA };
    const { calls, ports } = fakePorts();

    const done = (await run(request, ports)).at(-1);

    const reuse = calls.unet.filter(({ cache }) => cache?.mode === 'reuse').length;
    expect(reuse).toBeGreaterThan(0);
    expect(done).toMatchObject({
      passes: { full: calls.unet.length - reuse, reuse },
      plan: planned(request).plan.map(({ refreshed: _, cost: __, ...evaluation }) => evaluation),
    });
    expect(planned(request).passes).toEqual({ full: calls.unet.length - reuse, reuse });
  });

  test('adds up the time of each stage by the clock that it is given', async () => {
    let time = 0;
    const later = async <T>(ms: number, value: T): Promise<T> => {
      time += ms;
      return value;
    };
    const { ports } = fakePorts({
      acquireAdapters: () => later(1, { name: 'lease-1', release: () => {} }),
      encodeText: (rows) =>
        later(
          10,
          rows.map(() => filled([1, 3, 2], 0)),
        ),
      predict: (rows) =>
        later(
          100,
          rows.map(({ latent }) => filled(latent.dims, 0)),
        ),
      decode: () => later(1000, filled([1, 3, 24, 16], 0)),
    });

    const events: PipelineEvent[] = [];
    for await (const event of generate({ ...REQUEST, n: 2 }, MODEL, ports, never, () => time)) {
      events.push(event);
      time += 10_000; // A consumer that is slow costs no stage anything.
    }

    const timings = { load_loras_ms: 1, encode_text_ms: 10, denoise_ms: 800, decode_ms: 2000 };
    expect(events.at(-1)).toMatchObject({ type: 'done', timings });
  });

  test('warns of a text that was cut off, if it was used', async () => {
    const request = { ...REQUEST, negative_prompt: 'a negative prompt that is too long' };

    expect((await run(request, fakePorts().ports)).at(-1)).toMatchObject({
      warnings: [
        'negative_prompt is longer than the 1 tokens that the text encoder has room for; the rest has no effect',
      ],
    });
    expect((await run({ ...request, guidance_scale: 1 }, fakePorts().ports)).at(-1)).toMatchObject({ warnings: [] });
  });
});

describe('online', () => {
  const online = { ...CMLORA, mode: 'online' } as const;
  const low = { ...lora('b'), frequency_class: 'low' as const };
  const request = { ...REQUEST, steps: 12, n: 2, loras: [lora('a'), low], composition: online };
  const asked: unknown[] = [];
  const withMedian = (value: number) =>
    fakePorts({
      async baseMedian(query) {
        asked.push(query);
        return value;
      },
    });

  async function plansBy(threshold: number, from: ResolvedRequest = request) {
    const { calls, ports } = withMedian(threshold);
    const done = (await run(from, ports)).at(-1);
    if (done?.type !== 'done') throw new Error('done comes last');
    return { done, calls };
  }
  const leaders = (plan: readonly { readonly leader: string | null }[]) => plan.map(({ leader }) => leader).join('');

  test('each image follows the plan that its own latent makes, which is told', async () => {
    const { done, calls } = await plansBy(0.5);

    expect(done.image_plans?.map(({ image, plan }) => [image, plan.length])).toEqual([
      [0, 12],
      [1, 12],
    ]);
    expect(done.plan).toEqual(done.image_plans?.[0]?.plan);
    for (const { observed, leader } of done.plan) {
      expect(observed?.threshold).toBe(0.5);
      expect(leader).toBe(observed?.phase === 'first' ? 'a' : 'b');
    }
    const reuse = calls.unet.filter(({ cache }) => cache?.mode === 'reuse').length;
    expect(done.passes).toEqual({ full: calls.unet.length - reuse, reuse });
  });

  test('a threshold that no latent reaches leaves after the least dwell, and one that all do never', async () => {
    expect(leaders((await plansBy(1e9)).done.plan)).toBe('aaaaabbbbbbb');
    expect(leaders((await plansBy(1e-9)).done.plan)).toBe('a'.repeat(12));
  });

  test("the threshold is the plain model's median at the request's size, guidance and phase, unless the request has one", async () => {
    asked.length = 0;
    await plansBy(0.5);
    expect(asked).toEqual([{ width: 16, height: 24, guidanceScale: 7.5, timestep: 400 }]);

    asked.length = 0;
    const { done } = await plansBy(0.5, { ...request, composition: { ...online, threshold: 1e9 } });
    expect([asked, leaders(done.plan)]).toEqual([[], 'aaaaabbbbbbb']);
  });

  test('nothing is looked at where one set leads all the way', async () => {
    asked.length = 0;
    const { done } = await plansBy(0.5, { ...request, loras: [lora('a'), lora('b')] });
    expect([asked, done.image_plans, done.plan[0]?.observed]).toEqual([[], undefined, undefined]);
  });

  test('a plan says what is to be expected, and that it is no more than that: the change at phase_at', () => {
    const plan = planned(request);
    expect(plan.certainty).toBe('expected');
    expect(plan.warnings[0]).toContain('mode online');
    expect(leaders(plan.plan)).toBe(leaders(planned({ ...request, composition: CMLORA }).plan));
    expect(planned({ ...request, composition: CMLORA }).certainty).toBe('exact');
  });
});

describe('text', () => {
  test('is encoded once for each text and set of text LoRAs, in one go for all images', async () => {
    const request = { ...REQUEST, n: 3, loras: [lora('a'), lora('b')], composition: CMLORA };
    const { calls, ports } = fakePorts();

    await run(request, ports);

    expect(calls.encodes).toBe(1);
    const rows = calls.text.map(({ ids, adapters }) => [ids[0], adapters.map(({ adapter }) => adapter[0]).join()]);
    expect(rows.sort()).toEqual(
      [
        ['a fox'.length, 'a'],
        ['a fox'.length, 'b'],
        ['a blur'.length, 'a'],
        ['a blur'.length, 'b'],
      ].sort(),
    );
  });

  test('reaches each pass as it was encoded for it', async () => {
    const { calls, ports } = fakePorts();

    await run({ ...REQUEST, loras: [lora('a')] }, ports);

    const byText = new Map(calls.text.map(({ ids }, index) => [ids[0], index]));
    expect(new Set(calls.unet.map(({ text }) => text.data[0]))).toEqual(new Set(byText.values()));
  });
});

describe('features', () => {
  test('are kept under names of their own for each image', async () => {
    const request = { ...REQUEST, n: 2, loras: [lora('a'), lora('b')], composition: CMLORA };
    const { calls, ports } = fakePorts();

    await run(request, ports);

    const keys = calls.unet.flatMap(({ cache }) => cache?.key ?? []);
    expect(new Set(keys).size).toBe(2 * 2 * 2);
    expect(keys.every((key) => /^lease-1\/[01]\//.test(key))).toBe(true);
    expect(calls.dropped).toEqual(['lease-1/0/', 'lease-1/1/', 'lease-1/']);
  });
});

describe('whatever way it ends, leases are given back and features forgotten', () => {
  const endings: [string, (ports: EnginePorts, abort: AbortController) => AsyncGenerator<PipelineEvent>][] = [
    ['done', (ports, { signal }) => generate(REQUEST, MODEL, ports, signal, () => 0)],
    [
      'aborted',
      async function* (ports, abort) {
        for await (const event of generate(REQUEST, MODEL, ports, abort.signal, () => 0)) {
          abort.abort(new Error('aborted'));
          yield event;
        }
      },
    ],
    [
      'an engine that fails',
      (ports, { signal }) => {
        const predict = () => Promise.reject(new Error('out of memory'));
        return generate(REQUEST, MODEL, { ...ports, predict }, signal, () => 0);
      },
    ],
    [
      'a reader that leaves',
      async function* (ports, { signal }) {
        for await (const event of generate(REQUEST, MODEL, ports, signal, () => 0)) {
          yield event;
          return;
        }
      },
    ],
  ];
  test.each(endings)('%s', async (_, start) => {
    const { calls, ports } = fakePorts();

    try {
      for await (const _event of start(ports, new AbortController()));
    } catch {
      // How it ended is not the question here.
    }

    expect(calls.leases).toBe(0);
    expect(calls.dropped.at(-1)).toBe('lease-1/');
  });

  test('an abort throws its reason before the next evaluation and skips the decode', async () => {
    const abort = new AbortController();
    let decodes = 0;
    const { calls, ports } = fakePorts({
      decode: async () => {
        decodes += 1;
        return filled([1, 3, 24, 16], 0);
      },
    });

    const read = async (): Promise<void> => {
      for await (const event of generate(REQUEST, MODEL, ports, abort.signal, () => 0)) {
        if (event.type === 'step' && event.step === 2) abort.abort(new Error('cancelled'));
      }
    };

    await expect(read()).rejects.toThrow('cancelled');
    expect(calls.unet).toHaveLength(2 * 2);
    expect(decodes).toBe(0);
  });
});
