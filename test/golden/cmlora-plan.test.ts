import { expect, test } from 'vitest';
import { type GenerationRequest, parseGenerationRequest } from '../../src/contract/generation-request.ts';
import { planComposition } from '../../src/core/composition/index.ts';
import type { CompositionSetup, EvaluationPlan } from '../../src/core/composition/method.ts';
import type { AdapterWeights, RequestedComposition } from '../../src/core/composition/options.ts';
import { resolveComposition } from '../../src/core/composition/resolve-composition.ts';
import { plansOf, UNET } from '../support/composition.ts';
import { goldenJson } from '../support/golden-data.ts';
import { asReferenceHasIt } from '../support/reference-composition.ts';

/**
 * The plans of every method against those of the Python reference, which was written from cmlora.md and CMLORA-DECISIONS.md apart from
 * this code. The timesteps are the reference's own, so that a fault of the samplers does not show here.
 */

interface GoldenPicture {
  readonly name: string;
  readonly plan: string | null;
  readonly request: Omit<GenerationRequest, 'loras' | 'composition'> & {
    readonly loras: readonly GoldenLora[];
    readonly composition: RequestedComposition;
  };
}

interface GoldenLora {
  readonly id: string;
  readonly weight: number;
  readonly frequency_class: 'high' | 'low';
}

interface ExpectedPlan {
  /** Ids in leading order; weights are in this order. */
  readonly order: readonly string[];
  /** What the reference's text encoder gives for w-switch and w-composite. */
  readonly prompt_weights?: AdapterWeights;
  readonly evaluations: readonly {
    readonly timestep: number;
    /** Absent where nobody leads. */
    readonly leader?: string;
    /** Empty where they hang on the predictions. */
    readonly weights: readonly number[];
    readonly full: readonly string[];
    readonly reuse: readonly string[];
  }[];
}

const { pictures } = goldenJson('pictures/manifest.json') as { readonly pictures: readonly GoldenPicture[] };
const planned = pictures.filter(({ plan }) => plan !== null);

test.each(planned.map((picture) => [picture.name, picture] as const))('%s follows the reference', (name, picture) => {
  const expected = goldenJson(`plans/${name}.json`) as ExpectedPlan;

  expect(summariesOf(picture, expected).map(comparable)).toEqual(
    expected.evaluations.map((row) => ({
      timestep: row.timestep,
      leader: row.leader ?? null,
      weights: Object.fromEntries(
        row.weights.map((weight, index) => [expected.order[index], expect.closeTo(weight, 12)]),
      ),
      full: row.full.toSorted(),
      reuse: row.reuse.toSorted(),
    })),
  );
});

function summariesOf({ request }: GoldenPicture, expected: ExpectedPlan): readonly EvaluationPlan[] {
  const loras = request.loras.map(({ id, weight, frequency_class }) => ({ id, weight, frequency_class }));
  const { prompt_weights: weights } = expected;
  const asked = {
    ...asReferenceHasIt(request.composition, expected.evaluations.length),
    ...(weights !== undefined && { weights }),
  };
  const { composition } = parseGenerationRequest({ ...request, loras, composition: asked });
  const setup: CompositionSetup = {
    adapters: loras.map(({ id, weight, frequency_class }) => ({
      adapter: id,
      id,
      weight: { unet: weight, textEncoder: weight },
      frequencyClass: frequency_class,
      frequencyClassAssumed: false,
    })),
    evaluations: expected.evaluations.map(({ timestep }, index) => ({ index, step: index, timestep })),
    trainTimestepCount: 1000,
    guided: true,
  };
  const context = {
    loraIds: loras.map(({ id }) => id),
    evaluationCount: setup.evaluations.length,
    unet: UNET,
  };
  return plansOf(planComposition(resolveComposition(composition, context), setup), setup).map(({ summary }) => summary);
}

function comparable({ timestep, leader, weights, full, reuse }: EvaluationPlan) {
  return {
    timestep,
    leader,
    weights: Object.fromEntries(weights.map(({ id, weight }) => [id, weight])),
    full: full.toSorted(),
    reuse: reuse.toSorted(),
  };
}
