import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planCmlora } from '../../src/core/composition/cmlora.ts';
import type { EvaluationPlan } from '../../src/core/composition/method.ts';
import type { RequestedCmlora } from '../../src/core/composition/options.ts';
import type { Engine } from '../../src/engine/open-engine.ts';
import { adaptersOf, cmloraOf, setupOf } from '../support/composition.ts';
import { goldenJson } from '../support/golden-data.ts';
import { openGoldenEngine, picturesOf, resolveGolden } from '../support/golden-engine.ts';
import { latentOfBand } from '../support/latent-of-band.ts';
import { cmloraAsReferenceHasIt } from '../support/reference-composition.ts';

/**
 * `mode: online` and `parity: reference` against the Python reference, which was written from cmlora.md and CMLORA-DECISIONS.md apart
 * from this code: who leads and what runs in full for given high bands, and two whole pictures.
 */

interface GoldenRun {
  readonly high: number;
  readonly low: number;
  readonly composition: RequestedCmlora;
  readonly bands: readonly number[];
  readonly leaders: string;
  readonly weights: readonly number[];
  readonly full: readonly string[];
}

interface GoldenPicture {
  readonly name: string;
  readonly request: { readonly composition: RequestedCmlora; readonly steps: number };
  readonly bands: readonly number[];
  readonly leaders: readonly string[];
}

const { runs, pictures } = goldenJson('online.json') as {
  readonly runs: readonly GoldenRun[];
  readonly pictures: readonly GoldenPicture[];
};

/** Small where only the band counts; large enough for the authors' bin 80. */
const sideOf = ({ composition }: GoldenRun) => (composition.parity === 'reference' ? 128 : 16);

test.each(runs.map((run) => [JSON.stringify(run.composition), run] as const))('%s runs as the reference', (_, run) => {
  const classes = [...Array<'high'>(run.high).fill('high'), ...Array<'low'>(run.low).fill('low')];
  const setup = setupOf(adaptersOf(...classes), run.bands.length);
  const composition = cmloraAsReferenceHasIt(run.composition, run.bands.length);
  const planner = planCmlora(cmloraOf(setup, composition), setup);

  let state = planner.start;
  const plans: EvaluationPlan[] = [];
  for (const [index, evaluation] of setup.evaluations.entries()) {
    const plan = planner.plan(evaluation, state, { latent: latentOfBand(run.bands[index] ?? 0, sideOf(run)) });
    state = plan.state;
    plans.push(plan.summary);
  }

  expect(plans.map(({ leader }) => leader).join('')).toBe(run.leaders);
  expect(plans.map(({ full }) => full.join(''))).toEqual(run.full);
  const largest = plans.map(({ weights }) => Math.max(...weights.map(({ weight }) => weight)));
  expect(largest).toEqual(run.weights.map((weight) => expect.closeTo(weight, 9)));
});

describe('a picture is the reference', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openGoldenEngine();
  });
  afterAll(() => engine.close());

  test.each(pictures.map((picture) => [picture.name, picture] as const))('%s', async (name, picture) => {
    const resolved = await resolveGolden(engine, {
      ...picture.request,
      composition: cmloraAsReferenceHasIt(picture.request.composition, picture.request.steps),
    });

    const { images, done } = await picturesOf(engine, resolved);

    expect(done.plan.map(({ leader }) => leader)).toEqual(picture.leaders);
    const seen = done.plan.flatMap(({ observed }) => observed?.high_band ?? []);
    const isOnline = name.startsWith('online');
    expect(seen).toEqual(isOnline ? picture.bands.map((band) => expect.closeTo(band, 4)) : []);
    const file = join(import.meta.dirname, `expected/online/${name}.png`);
    const expected = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([images[0]?.width, images[0]?.height]).toEqual([expected.info.width, expected.info.height]);
    expect(psnr(images[0]?.pixels ?? new Uint8Array(), expected.data)).toBeGreaterThanOrEqual(45);
  });

  test("without a threshold it is the plain model's own: each image changes sets by itself, near phase_at", {
    timeout: 120_000,
  }, async () => {
    const [online] = pictures;
    const composition = { method: 'cmlora', mode: 'online', uncond: 'per_lora' };
    const request = { ...online?.request, n: 2, width: 64, height: 64, composition };
    const resolved = await resolveGolden(engine, request);

    const first = await picturesOf(engine, resolved);
    const again = await picturesOf(engine, { ...resolved, n: 1 });

    expect(first.done.image_plans).toHaveLength(2);
    const thresholds = first.done.image_plans?.flatMap(({ plan }) => plan.map(({ observed }) => observed?.threshold));
    expect(new Set(thresholds).size).toBe(1);
    expect(again.done.plan).toEqual(first.done.plan);
    expect(again.images[0]?.pixels).toEqual(first.images[0]?.pixels);
    for (const { plan } of first.done.image_plans ?? []) {
      const change = plan.findIndex(({ observed }) => observed?.phase === 'second');
      // phase_at is evaluation 12 of 20 for a picture like the plain model's median; these are other pictures, with LoRAs.
      expect(change).toBeGreaterThanOrEqual(5);
      expect(change).toBeLessThan(20);
    }
  });
});

/** Peak signal-to-noise ratio of 8-bit pictures, in dB. */
function psnr(actual: Uint8Array, expected: Uint8Array): number {
  const squares = actual.reduce((sum, value, index) => sum + (value - (expected[index] ?? Number.NaN)) ** 2, 0);
  return 10 * Math.log10(255 ** 2 / (squares / expected.length));
}
