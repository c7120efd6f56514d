import { describe, expect, test } from 'vitest';
import { assert } from '../../src/core/assert.ts';
import type { Evaluation } from '../../src/core/composition/method.ts';
import { randn, torchGenerator } from '../../src/core/random/torch-generator.ts';
import { SAMPLERS } from '../../src/core/samplers/index.ts';
import type { Sampler, SamplerCall } from '../../src/core/samplers/sampler.ts';
import type { PredictionType, SchedulerConfig } from '../../src/core/schedule/scheduler-config.ts';
import { sigmaAt, trainedSigmas } from '../../src/core/schedule/sigmas.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import { weightedSum } from '../../src/core/tensor/weighted-sum.ts';
import { largestDifference } from '../support/deviation.ts';
import { sd15Scheduler } from '../support/sd15-scheduler.ts';

/** What every sampler of the registry keeps, whatever its method. A new sampler joins by being in the registry. */

type Model = (call: SamplerCall) => Tensor;

const SHAPE = [1, 4, 2, 3];
/** With the counts at which diffusers' division for `trailing` is inexact. */
const STEP_COUNTS = [...Array.from({ length: 30 }, (_, index) => index + 1), 61, 103, 121, 122, 150];
const noise = randn(1, SHAPE);
const picture = randn(2, SHAPE);

const plain = { ...sd15Scheduler, setAlphaToOne: true }; // So that a trajectory ends without noise.
const byPrediction = (config: SchedulerConfig, predictions: readonly PredictionType[]) =>
  predictions.map((predictionType) => ({ ...config, predictionType }));
const configs: readonly SchedulerConfig[] = [
  ...([null, 'leading', 'trailing', 'linspace'] as const).flatMap((timestepSpacing) =>
    byPrediction({ ...plain, timestepSpacing }, ['epsilon', 'v_prediction', 'sample']),
  ),
  ...(['karras', 'exponential'] as const).flatMap((sigmaSpacing) =>
    byPrediction({ ...plain, timestepSpacing: 'linspace', sigmaSpacing }, ['epsilon']),
  ),
  ...byPrediction({ ...plain, timestepSpacing: 'trailing', rescaleBetasZeroSnr: true }, ['v_prediction', 'sample']),
];
const settings = configs.map((config) => [nameOf(config), config] as const);

describe.each(Object.entries(SAMPLERS))('%s', (name, sampler) => {
  test('is registered under its own name', () => {
    expect(sampler.name).toBe(name);
  });

  describe.each(settings)('with %s', (_name, config) => {
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
        const timesteps = new Set(firstOfSteps.map(({ timestep }) => timestep));
        // Many levels spaced over sigma lie below the second timestep, and a sampler with whole timesteps takes one for several.
        if (config.sigmaSpacing === null) expect(timesteps.size).toBe(steps);
      }
    });

    test('asks for exactly the evaluations that it lists', () => {
      for (const steps of [1, 2, 7, 30]) {
        const asked: Evaluation[] = [];
        run(sampler, config, steps, ({ input, evaluation }) => {
          asked.push(evaluation);
          return input;
        });
        expect(asked).toEqual(sampler.evaluations(config, steps));
      }
    });

    test('tells the model a timestep of the noise that its input holds', () => {
      // Within one timestep: where diffusers rounds the timestep of a level, the level itself is not moved.
      const trained = trainedSigmas(config);
      run(sampler, config, 20, ({ input, evaluation: { timestep }, alphaBar }) => {
        const sigma = Math.min(Math.sqrt((1 - alphaBar) / alphaBar), trained.at(-1) ?? 0);
        expect(sigma).toBeGreaterThanOrEqual(sigmaAt(Math.max(timestep - 1, 0), trained) * 0.999);
        expect(sigma).toBeLessThanOrEqual(sigmaAt(timestep + 1, trained) * 1.001);
        return input;
      });
    });

    test('returns the picture of a model that knows it', () => {
      for (const steps of [1, 2, 4, 5, 8, 20, 50, 125]) {
        const finished = run(sampler, config, steps, perfectModel(config, picture));
        expect(largestDifference(finished, picture)).toBeLessThan(1e-4);
      }
    });

    test('leaves at most the lowest level of noise on that picture, in any number of steps', () => {
      // Where the number of steps does not divide the number of timesteps, diffusers' ddim with trailing spacing stops at timestep 0,
      // whose noise has a deviation of 0.029. Four deviations are enough for the few values of this latent.
      const [lowest = 0] = trainedSigmas(config);
      for (const steps of STEP_COUNTS) {
        const finished = run(sampler, config, steps, perfectModel(config, picture));
        expect(largestDifference(finished, picture)).toBeLessThan(4 * lowest);
      }
    });

    test('shows the model a latent of unit variance, for a picture and noise of unit variance', () => {
      const wideShape = [1, 4, 32, 32];
      const model = perfectModel(config, randn(3, wideShape));
      const checked: Model = (call) => {
        const variance = call.input.data.reduce((sum, value) => sum + value ** 2, 0) / call.input.data.length;
        expect(variance).toBeGreaterThan(0.85);
        expect(variance).toBeLessThan(1.15);
        return model(call);
      };
      run(sampler, config, 12, checked, randn(4, wideShape));
    });

    test('gives the same for the same, and changes nothing that it is given', () => {
      const given: Tensor[] = [noise];
      const copies: Float32Array[] = [noise.data.slice()];
      const model: Model = ({ input, evaluation: { index } }) => {
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

function nameOf({ timestepSpacing, sigmaSpacing, rescaleBetasZeroSnr, predictionType }: SchedulerConfig): string {
  const spacings = [timestepSpacing ?? 'its own', ...(sigmaSpacing === null ? [] : [sigmaSpacing])];
  return `${spacings.join(' and ')} spacing, ${predictionType}${rescaleBetasZeroSnr ? ', zero terminal SNR' : ''}`;
}

function run(sampler: Sampler, config: SchedulerConfig, steps: number, model: Model, from = noise): Tensor {
  const draw = torchGenerator(9);
  const start = sampler.start(from, config, steps);
  const trajectory = sampler.sample(start, config, steps, () => draw(from.dims));
  let call = trajectory.next();
  while (!call.done) call = trajectory.next(model(call.value));
  return call.value;
}

/** Answers with exactly the noise that separates its input from the one picture that it knows. */
function perfectModel({ predictionType }: SchedulerConfig, known: Tensor): Model {
  return ({ input, alphaBar }) => {
    const [signal, noiseShare] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
    const eps = weightedSum([1 / noiseShare, input], [-signal / noiseShare, known]);
    const answers = { epsilon: eps, sample: known, v_prediction: weightedSum([signal, eps], [-noiseShare, known]) };
    return answers[predictionType];
  };
}
