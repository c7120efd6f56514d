import { describe, expect, test } from 'vitest';
import { assert } from '../../src/core/assert.ts';
import type { Evaluation } from '../../src/core/composition/method.ts';
import { randn } from '../../src/core/random/torch-generator.ts';
import { SAMPLERS } from '../../src/core/samplers/index.ts';
import type { Sampler } from '../../src/core/samplers/sampler.ts';
import type { SchedulerConfig } from '../../src/core/schedule/scheduler-config.ts';
import { sigmasAt } from '../../src/core/schedule/sigmas.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { weightedSum } from '../../src/core/tensor/weighted-sum.ts';
import { sd15Scheduler } from '../support/sd15-scheduler.ts';

/** What every sampler of the registry keeps, whatever its method. A new sampler joins by being in the registry. */

type Model = (input: Tensor, evaluation: Evaluation) => Tensor;

const SHAPE = [1, 4, 2, 3];
const noise = randn(1, SHAPE);
const picture = randn(2, SHAPE);

const configs: readonly SchedulerConfig[] = ([null, 'leading', 'trailing', 'linspace'] as const).flatMap(
  (timestepSpacing) =>
    (['epsilon', 'v_prediction'] as const).map((predictionType) => ({
      ...sd15Scheduler,
      timestepSpacing,
      predictionType,
      setAlphaToOne: true, // So that a trajectory ends without noise.
    })),
);
const settings = configs.map((config) => [config.timestepSpacing ?? 'its own', config.predictionType, config] as const);

describe.each(Object.entries(SAMPLERS))('%s', (name, sampler) => {
  test('is registered under its own name', () => {
    expect(sampler.name).toBe(name);
  });

  describe.each(settings)('with %s spacing and %s', (_spacing, _prediction, config) => {
    test('lists evaluations in order: every step has one, timesteps fall from step to step and never rise within one', () => {
      for (let steps = 1; steps <= 150; steps++) {
        const evaluations = sampler.evaluations(config, steps);
        expect(new Set(evaluations.map(({ step }) => step)).size).toBe(steps);
        expect(evaluations.at(-1)?.step).toBe(steps - 1);
        for (const [index, evaluation] of evaluations.entries()) {
          const previous = evaluations[index - 1] ?? { step: -1, timestep: 1000 };
          const isNewStep = evaluation.step === previous.step + 1;
          assert(evaluation.index === index, `evaluation ${index} says that it is ${evaluation.index}`);
          assert(isNewStep || evaluation.step === previous.step, `step ${evaluation.step} after ${previous.step}`);
          assert(evaluation.timestep <= previous.timestep, `timestep ${evaluation.timestep} rises in ${steps} steps`);
          assert(evaluation.timestep >= 0, `timestep ${evaluation.timestep} in ${steps} steps`);
        }
        const firstOfSteps = evaluations.filter(({ step }, index) => step !== evaluations[index - 1]?.step);
        expect(new Set(firstOfSteps.map(({ timestep }) => timestep)).size).toBe(steps);
      }
    });

    test('asks for exactly the evaluations that it lists', () => {
      for (const steps of [1, 2, 7, 30]) {
        const asked: Evaluation[] = [];
        run(sampler, config, steps, (input, evaluation) => {
          asked.push(evaluation);
          return input;
        });
        expect(asked).toEqual(sampler.evaluations(config, steps));
      }
    });

    test('returns the picture of a model that knows it', () => {
      for (const steps of [1, 2, 4, 5, 8, 20, 50, 125]) {
        const finished = run(sampler, config, steps, perfectModel(sampler, config, steps, picture));
        expect(largestDifference(finished, picture)).toBeLessThan(1e-4);
      }
    });

    test('leaves at most the lowest level of noise on that picture, in any number of steps from 1 to 150', () => {
      // Where the number of steps does not divide the number of timesteps, diffusers' ddim with trailing spacing stops at timestep 0,
      // whose noise has a deviation of 0.029. Four deviations are enough for the few values of this latent.
      const [lowest = 0] = sigmasAt([0], config);
      for (let steps = 1; steps <= 150; steps++) {
        const finished = run(sampler, config, steps, perfectModel(sampler, config, steps, picture));
        expect(largestDifference(finished, picture)).toBeLessThan(4 * lowest);
      }
    });

    test('shows the model a latent of unit variance, for a picture and noise of unit variance', () => {
      const [wide, wideNoise] = [randn(3, [1, 4, 32, 32]), randn(4, [1, 4, 32, 32])];
      const model = perfectModel(sampler, config, 12, wide);
      run(
        sampler,
        config,
        12,
        (input, evaluation) => {
          const variance = input.data.reduce((sum, value) => sum + value ** 2, 0) / input.data.length;
          expect(variance).toBeGreaterThan(0.85);
          expect(variance).toBeLessThan(1.15);
          return model(input, evaluation);
        },
        wideNoise,
      );
    });

    test('gives the same for the same, and changes nothing that it is given', () => {
      const given: Tensor[] = [noise];
      const copies: Float32Array[] = [noise.data.slice()];
      const model: Model = (input, { index }) => {
        const output = randn(100 + index, SHAPE);
        given.push(input, output);
        copies.push(input.data.slice(), output.data.slice());
        return output;
      };
      expect(run(sampler, config, 5, model)).toEqual(run(sampler, config, 5, model));
      expect(given.map(({ data }) => data)).toEqual(copies);
    });
  });
});

function run(sampler: Sampler, config: SchedulerConfig, steps: number, model: Model, from = noise): Tensor {
  const trajectory = sampler.sample(sampler.start(from, config, steps), config, steps);
  let call = trajectory.next();
  while (!call.done) call = trajectory.next(model(call.value.input, call.value.evaluation));
  return call.value;
}

/** Answers with exactly the noise that separates its input from the one picture that it knows. */
function perfectModel(sampler: Sampler, config: SchedulerConfig, steps: number, known: Tensor): Model {
  const timesteps = sampler.evaluations(config, steps).map(({ timestep }) => timestep);
  const sigmas = sigmasAt(timesteps, config);
  return (input, { index }) => {
    const sigma = sigmas[index] ?? Number.NaN;
    const [noiseShare, signal] = [sigma / Math.hypot(sigma, 1), 1 / Math.hypot(sigma, 1)];
    const eps = weightedSum([1 / noiseShare, input], [-signal / noiseShare, known]);
    return config.predictionType === 'epsilon' ? eps : weightedSum([signal, eps], [-noiseShare, known]);
  };
}

function largestDifference(actual: Tensor, expected: Tensor): number {
  return actual.data.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (expected.data[index] ?? Number.NaN))),
    0,
  );
}
