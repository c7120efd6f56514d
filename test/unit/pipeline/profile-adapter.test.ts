import { describe, expect, test, vi } from 'vitest';
import type { LoraProfile, ProfileSettings } from '../../../src/contract/lora-profile.ts';
import type { ModelDescriptor } from '../../../src/contract/model-descriptor.ts';
import { highBandOfLatent } from '../../../src/core/frequency/high-band.ts';
import { InputError } from '../../../src/core/problem.ts';
import { frequencySets } from '../../../src/core/sequencer/frequency-sets.ts';
import type { Tensor } from '../../../src/core/tensor/tensor.ts';
import type { EnginePorts, UnetRow } from '../../../src/pipeline/ports.ts';
import { type ProfileProgress, profileAdapters } from '../../../src/pipeline/profile-adapter.ts';
import { descriptor } from '../../support/model-descriptor.ts';

/**
 * A model that is a formula: its noise is half of what it sees, and an adapter adds to that a part of it, the fine one or the broad
 * one. The decoder shows the first three channels; the fourth becomes a hatch, as a fine pattern does in a real one.
 */

const MODEL: ModelDescriptor = { ...descriptor, latentScale: 1, sideMultiple: 1 };

const SETTINGS: ProfileSettings = {
  revision: 1,
  prompts: ['a fox', 'a house'],
  seeds: [0, 1, 2, 3],
  steps: 8,
  guidance_scale: 2,
  width: 16,
  height: 12,
  level_count: 4,
  interval: 2,
};

const [height, width] = [SETTINGS.height, SETTINGS.width];

/** The mean of the square of 5 by 5 values around each, over the edges. */
function broad({ data, dims }: Tensor): Tensor {
  const size = height * width;
  const values = data.map((_, index) => {
    const [row, column] = [Math.floor((index % size) / width), index % width];
    let sum = 0;
    for (let down = -2; down <= 2; down++) {
      for (let right = -2; right <= 2; right++) {
        const position = ((row + down + height) % height) * width + ((column + right + width) % width);
        sum += data[index - (index % size) + position] ?? 0;
      }
    }
    return sum / 25;
  });
  return { data: values, dims };
}

const minus = (one: Tensor, other: Tensor): Tensor => ({
  data: one.data.map((value, index) => value - (other.data[index] ?? 0)),
  dims: one.dims,
});

const onlyLastChannel = ({ data, dims }: Tensor): Tensor => ({
  data: data.map((value, index) => (index >= 3 * height * width ? value : 0)),
  dims,
});

const EFFECTS: Readonly<Record<string, (latent: Tensor) => Tensor>> = {
  fine: (latent) => minus(latent, broad(latent)),
  broad: (latent) => broad(broad(latent)),
  hatch: (latent) => onlyLastChannel(broad(broad(latent))),
  nothing: (latent) => ({ data: new Float32Array(latent.data.length), dims: latent.dims }),
};

function fakePorts(overrides: Partial<EnginePorts> = {}) {
  const calls = { unet: [] as (readonly UnetRow[])[], leases: 0, decodes: 0 };
  const ports: EnginePorts = {
    latentColours: async () => [[], [], []],
    baseMedian: async () => 0,
    tokenize: (text) => ({ ids: [text.length, 0, 0], truncated: text.length > 20 }),
    encodeText: async (rows) =>
      rows.map(({ ids, adapters }) => ({ data: Float32Array.from([ids[0] ?? 0, adapters.length]), dims: [1, 1, 2] })),
    async predict(rows) {
      calls.unet.push(rows);
      return rows.map(({ latent, adapters, text }) => {
        const shift = (text.data[0] ?? 0) / 1000;
        const plain = { data: latent.data.map((value) => value / 2 + shift), dims: latent.dims };
        return adapters.reduce((sum, { adapter, weight }) => {
          const effect = EFFECTS[adapter]?.(latent);
          return {
            data: sum.data.map((value, index) => value + 0.1 * weight * (effect?.data[index] ?? 0)),
            dims: sum.dims,
          };
        }, plain);
      });
    },
    async decode({ data }) {
      calls.decodes += 1;
      const size = height * width;
      const planes = data.slice(0, 3 * size).map((value, index) => {
        const hatch = (Math.floor((index % size) / width) + (index % width)) % 2 === 0 ? 1 : -1;
        return value + hatch * (data[3 * size + (index % size)] ?? 0);
      });
      return { data: planes, dims: [1, 3, height, width] };
    },
    async acquireAdapters() {
      calls.leases += 1;
      return {
        name: 'lease-1',
        release: () => {
          calls.leases -= 1;
        },
      };
    },
    dropFeatures: () => {},
    ...overrides,
  };
  return { calls, ports };
}

const never = new AbortController().signal;

// A second at most, but for machines that do much else.
vi.setConfig({ testTimeout: 20_000 });

const start = (ids: readonly string[], ports: EnginePorts, settings = SETTINGS, signal = never) =>
  profileAdapters({ loras: ids.map((id) => ({ id, sha256: id })), settings, model: MODEL, ports, signal });

async function profile(ids: readonly string[], ports = fakePorts().ports, settings = SETTINGS) {
  const progress: ProfileProgress[] = [];
  const run = start(ids, ports, settings);
  for (;;) {
    const next = await run.next();
    if (next.done) return { profiles: next.value, progress };
    progress.push(next.value);
  }
}

async function one(id: string, settings = SETTINGS): Promise<LoraProfile> {
  const [first] = (await profile([id], fakePorts().ports, settings)).profiles;
  if (first === undefined) throw new Error('one LoRA has one profile');
  return first;
}

describe('a score', () => {
  test('is high for an adapter that changes what is fine, and low for one that changes what is broad, at every level', async () => {
    const [fine, low] = [await one('fine'), await one('broad')];

    for (const { score } of fine.latent.levels) expect(score).toBeGreaterThan(0.9);
    for (const { score } of low.latent.levels) expect(score).toBeLessThan(0.4);
    expect(fine.latent.score).toBeGreaterThan(0.9);
    expect(low.latent.score).toBeLessThan(0.3);
  });

  test('is kept apart for latents and pixels: a hatch is broad in latents and fine when it is decoded', async () => {
    const { latent, pixel } = await one('hatch');

    expect(latent.score).toBeLessThan(0.3);
    expect(pixel.score).toBeGreaterThan(0.9);
  });

  test('does not hang on how strong the adapter is, and the strength does', async () => {
    const strong = fakePorts();
    const twice = {
      ...strong.ports,
      predict: (rows: readonly UnetRow[], signal: AbortSignal) =>
        strong.ports.predict(
          rows.map((row) => ({ ...row, adapters: [...row.adapters, ...row.adapters] })),
          signal,
        ),
    };
    const [weak, [doubled]] = [await one('fine'), (await profile(['fine'], twice)).profiles];

    expect(doubled?.latent.score).toBeCloseTo(weak.latent.score, 5);
    expect((doubled?.latent.strength ?? 0) / weak.latent.strength).toBeCloseTo(2, 4);
  });

  test('comes from each half of the seeds too', async () => {
    const whole = await one('broad');
    const first = await one('broad', { ...SETTINGS, seeds: [0, 1] });

    expect(first.latent.score).toBeCloseTo(whole.latent.halves[0], 12);
    expect((whole.latent.halves[0] + whole.latent.halves[1]) / 2).toBeCloseTo(whole.latent.score, 12);
  });
});

test('adapters made to be fine and broad come out on the right sides', async () => {
  const { profiles } = await profile(['hatch', 'broad', 'fine'], fakePorts().ports, {
    ...SETTINGS,
    prompts: ['a fox'],
  });
  const scored = profiles.map(({ lora_sha256: id, pixel: { score, halves } }) => ({ id, score, halves }));

  expect(frequencySets(scored).classes.map(({ id, frequencyClass }) => [id, frequencyClass])).toEqual([
    ['hatch', 'high'],
    ['broad', 'low'],
    ['fine', 'high'],
  ]);
});

test('a profile does not depend on which others are measured with it', async () => {
  const { calls, ports } = fakePorts();
  const { profiles } = await profile(['broad', 'fine', 'hatch'], ports);

  expect(profiles[1]).toEqual(await one('fine'));
  const together = calls.unet.filter((rows) => new Set(rows.map((row) => JSON.stringify(row.adapters))).size > 1);
  expect(together).toEqual([]);
});

test('the same inputs give the same numbers', async () => {
  expect(await one('fine')).toEqual(await one('fine'));
});

test('with and without are asked about the same noisy latents, which are those of the base model alone', async () => {
  const { calls, ports } = fakePorts();
  await profile(['fine'], ports, { ...SETTINGS, prompts: ['a fox'], seeds: [7, 8] });

  // Everything of seed 7 comes before seed 8.
  const [base, rest] = [calls.unet.slice(0, 8), calls.unet.slice(8)];
  expect(base.flat().every(({ adapters }) => adapters.length === 0)).toBe(true);
  // Eight steps, four levels: the middles of four equal parts.
  const inputs = [1, 3, 5, 7].map((step) => base[step]?.[0]?.latent);
  expect(rest.slice(0, 4).map((rows) => rows[0]?.latent)).toEqual(inputs);
  expect(
    rest
      .slice(0, 4)
      .flat()
      .every(({ adapters }) => adapters[0]?.adapter === 'fine'),
  ).toBe(true);
});

test('the profile says at which noise levels it was measured, with which settings and on what', async () => {
  const profile = await one('fine');

  expect(profile).toMatchObject({ model_sha256: MODEL.sha256, lora_sha256: 'fine', settings: SETTINGS });
  expect(profile.noise_levels.map(({ timestep }) => timestep)).toEqual([751, 501, 251, 1]);
  const shares = profile.noise_levels.map((level) => level.alpha_bar);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
});

describe("the paper's statistics", () => {
  test('have one change for each interval of the steps, with and without the LoRA', async () => {
    const { paper } = await one('fine');

    for (const change of [paper.change.raw, paper.change.log, paper.base_change.raw, paper.base_change.log]) {
      expect(change).toHaveLength(4);
      expect(change.every(Number.isFinite)).toBe(true);
    }
    expect(paper.change.raw).not.toEqual(paper.base_change.raw);
  });

  test('are the differences of the high bands of the latents that each draws, two steps apart, averaged over pictures', async () => {
    const { calls, ports } = fakePorts();
    const settings = { ...SETTINGS, prompts: ['a fox'], seeds: [3, 4] };
    const [found] = (await profile(['fine'], ports, settings)).profiles;

    // For each seed: eight looks of the base model, four to compare, and eight of the LoRA by itself.
    const starts = { base: [0, 20], lora: [12, 32] };
    const bandAt = (from: readonly number[], step: number, amplitude: 'raw' | 'log') =>
      from.reduce((sum, start) => {
        const latent = calls.unet[start + step]?.[0]?.latent;
        return sum + (latent === undefined ? Number.NaN : highBandOfLatent(latent, amplitude)) / from.length;
      }, 0);
    for (const amplitude of ['raw', 'log'] as const) {
      for (const [who, change] of [
        ['base', found?.paper.base_change],
        ['lora', found?.paper.change],
      ] as const) {
        const changes = [0, 2, 4].map(
          (step) => bandAt(starts[who], step + 2, amplitude) - bandAt(starts[who], step, amplitude),
        );
        expect(change?.[amplitude].slice(0, 3).map((value) => value.toFixed(9))).toEqual(
          changes.map((value) => value.toFixed(9)),
        );
      }
    }
  });

  test('are those of pictures too: with the LoRA another one than without', async () => {
    const { paper } = await one('fine');
    expect(paper.picture).not.toBeCloseTo(paper.base_picture, 4);
  });
});

test('progress counts every evaluation of the model and ends at the total', async () => {
  const { calls, ports } = fakePorts();
  const { progress } = await profile(['fine', 'broad'], ports);

  expect(progress.map(({ done }) => done)).toEqual(progress.map((_, index) => index + 1));
  expect(progress.at(-1)).toEqual({ done: calls.unet.length, total: calls.unet.length });
});

describe('a lease is given back', () => {
  test('at the end, and when the run is left early', async () => {
    const { calls, ports } = fakePorts();
    await profile(['fine'], ports);
    expect(calls.leases).toBe(0);

    const run = start(['fine'], ports);
    await run.next();
    expect(calls.leases).toBe(1);
    await run.return([]);
    expect(calls.leases).toBe(0);
  });

  test('when it is aborted, which it is within one evaluation', async () => {
    const { calls, ports } = fakePorts();
    const abort = new AbortController();
    const run = start(['fine'], ports, SETTINGS, abort.signal);
    await run.next();
    abort.abort(new Error('enough'));

    await expect(run.next()).rejects.toThrow('enough');
    expect(calls.unet).toHaveLength(1);
    expect(calls.leases).toBe(0);
  });
});

describe('what cannot be measured is refused by name', () => {
  test('a LoRA that changes nothing', async () => {
    const { calls, ports } = fakePorts();
    await expect(profile(['nothing'], ports)).rejects.toThrow(
      new InputError([
        {
          code: 'unsupported_lora',
          subject: 'LoRA "nothing"',
          message:
            'LoRA "nothing" changes nothing that can be measured at timestep 751, or gives values that are no numbers',
        },
      ]),
    );
    expect(calls.leases).toBe(0);
  });

  test('a prompt that the text encoder has no room for', async () => {
    const prompts = [...SETTINGS.prompts.slice(1), 'a fox that is too long for it'];
    await expect(profile(['fine'], fakePorts().ports, { ...SETTINGS, prompts })).rejects.toThrow('is longer than');
  });
});

test('without guidance only the prompt is looked at', async () => {
  const { calls, ports } = fakePorts();
  await profile(['fine'], ports, { ...SETTINGS, guidance_scale: 1 });
  expect(new Set(calls.unet.map((rows) => rows.length))).toEqual(new Set([1]));
});
