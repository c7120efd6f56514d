import { describe, expect, test } from 'vitest';
import { assert } from '../../../src/core/assert.ts';
import type { CompositionPlanner, Evaluation, UnetPass } from '../../../src/core/composition/method.ts';
import { type DenoiseOptions, type DenoiseProgress, denoise } from '../../../src/core/denoise.ts';
import type { Sampler } from '../../../src/core/samplers/sampler.ts';
import type { Tensor } from '../../../src/core/tensor/tensor.ts';
import { sd15Scheduler } from '../../support/sd15-scheduler.ts';

const value = (number: number): Tensor => ({ data: Float32Array.of(number), dims: [1] });
const numberOf = (tensor: Tensor): number => tensor.data[0] ?? Number.NaN;

/** Starts at noise + 1000, looks twice in each step but the last, as a second-order sampler does, and adds up what it is told. */
const twicePerStep: Sampler = {
  name: 'euler',
  evaluations: (_config, steps) =>
    Array.from({ length: 2 * steps - 1 }, (_, index) => ({
      index,
      step: Math.floor(index / 2),
      timestep: 900 - index,
    })),
  start: (noise) => value(numberOf(noise) + 1000),
  *sample(latent, config, steps) {
    let x = latent;
    for (const evaluation of twicePerStep.evaluations(config, steps)) {
      const output = yield { evaluation, input: x, alphaBar: 0.5 };
      x = value(numberOf(x) + numberOf(output));
    }
    return x;
  },
};

/** Two passes an evaluation, named after it; its state is the list of the evaluations that it has planned. */
const planner: CompositionPlanner<readonly number[]> = {
  start: [],
  plan: (evaluation, state) => ({
    passes: [passOf('prompt', evaluation), passOf('negative', evaluation)],
    summary: {
      evaluation: evaluation.index,
      step: evaluation.step,
      timestep: evaluation.timestep,
      leader: `after ${state.join()}`,
      weights: [],
      full: [],
      reuse: [],
    },
    state: [...state, evaluation.index],
  }),
  combine: (plan, predictions) => {
    const [cond, uncond] = predictions;
    assert(cond !== undefined && uncond !== undefined, 'one prediction for each pass');
    assert(plan.passes.length === predictions.length, 'one prediction for each pass');
    return { cond, uncond };
  },
};

function passOf(text: 'prompt' | 'negative', { index }: Evaluation): UnetPass {
  return { adapters: [{ adapter: `at ${index}`, weight: 1 }], conditioning: { text, adapters: [] } };
}

/** The prompt's half predicts 3 and the negative one 1, so that guidance 2 makes 5 of it. */
const predictHalves = async (passes: readonly UnetPass[]): Promise<Tensor[]> =>
  passes.map(({ conditioning }) => value(conditioning.text === 'prompt' ? 3 : 1));

function optionsWith(changed: Partial<DenoiseOptions>): DenoiseOptions {
  return {
    sampler: twicePerStep,
    config: sd15Scheduler,
    steps: 2,
    drawNoise: () => value(7),
    planner,
    guidance: { scale: 2, rescale: 0 },
    predict: predictHalves,
    signal: new AbortController().signal,
    ...changed,
  };
}

async function finish(options: DenoiseOptions): Promise<{ progress: readonly DenoiseProgress[]; latent: Tensor }> {
  const progress: DenoiseProgress[] = [];
  const trajectory = denoise(options);
  let next = await trajectory.next();
  while (!next.done) {
    progress.push(next.value);
    next = await trajectory.next();
  }
  return { progress, latent: next.value };
}

test('the latent is what the sampler makes of guided predictions, from its own start', async () => {
  const { latent } = await finish(optionsWith({ steps: 2 }));
  expect(latent).toEqual(value(7 + 1000 + 3 * 5));
});

test('each evaluation is planned with the state that the one before it left', async () => {
  const { progress } = await finish(optionsWith({ steps: 2 }));
  expect(progress.map(({ plan }) => plan.leader)).toEqual(['after ', 'after 0', 'after 0,1']);
});

test('progress names the evaluation, its passes and the end of each step', async () => {
  const { progress } = await finish(optionsWith({ steps: 2 }));
  expect(progress.map(({ evaluation }) => [evaluation.index, evaluation.step])).toEqual([
    [0, 0],
    [1, 0],
    [2, 1],
  ]);
  expect(progress.map(({ isLastOfStep }) => isLastOfStep)).toEqual([false, true, true]);
  expect(progress[1]?.passes.map(({ adapters }) => adapters[0]?.adapter)).toEqual(['at 1', 'at 1']);
});

test('predict is given the passes, the latent as the sampler scaled it, and the timestep', async () => {
  const calls: [number, number, number][] = [];
  const predict: DenoiseOptions['predict'] = (passes, input, timestep) => {
    calls.push([passes.length, numberOf(input), timestep]);
    return predictHalves(passes);
  };
  await finish(optionsWith({ predict }));
  expect(calls).toEqual([
    [2, 1007, 900],
    [2, 1012, 899],
    [2, 1017, 898],
  ]);
});

test('two trajectories of one planner do not share a state', async () => {
  const options = optionsWith({});
  expect(await finish(options)).toEqual(await finish(options));
});

test('fewer predictions than passes are a programmer error', async () => {
  await expect(finish(optionsWith({ predict: async () => [value(1)] }))).rejects.toThrow('1 predictions for 2 passes');
});

describe('cancelling', () => {
  test('in mid-run ends with the reason before the next evaluation', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled by the caller');
    let calls = 0;
    const predict: DenoiseOptions['predict'] = (passes) => {
      calls += 1;
      return predictHalves(passes);
    };
    const trajectory = denoise(optionsWith({ steps: 10, predict, signal: cancel.signal }));
    await trajectory.next();
    await trajectory.next();

    cancel.abort(reason);

    await expect(trajectory.next()).rejects.toBe(reason);
    expect(calls).toBe(2);
    expect(await trajectory.next()).toEqual({ done: true, value: undefined });
  });

  test('before the start runs nothing', async () => {
    const predict = () => expect.unreachable('predict must not be called');
    await expect(finish(optionsWith({ predict, signal: AbortSignal.abort('early') }))).rejects.toBe('early');
  });

  test('a predict that rejects ends the trajectory with its error', async () => {
    const predict = () => Promise.reject(new Error('out of memory'));
    await expect(finish(optionsWith({ predict }))).rejects.toThrow('out of memory');
  });
});
