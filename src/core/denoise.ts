import { assert } from './assert.ts';
import type { CompositionPlanner, Evaluation, EvaluationPlan, UnetPass } from './composition/method.ts';
import { type Guidance, guide } from './guidance/classifier-free.ts';
import type { Sampler } from './samplers/sampler.ts';
import type { SchedulerConfig } from './schedule/scheduler-config.ts';
import type { Tensor } from './tensor/tensor.ts';

/**
 * The denoising loop: at each evaluation that the sampler asks for, the composition plans the passes, `predict` runs them, and
 * their outputs are combined, guided and handed back to the sampler. Knows no model: what runs the passes is the caller's.
 */

/** One evaluation that is done. */
export interface DenoiseProgress {
  readonly evaluation: Evaluation;
  readonly plan: EvaluationPlan;
  readonly passes: readonly UnetPass[];
  /** What the model was shown, and the guided output that the sampler got for it. */
  readonly input: Tensor;
  readonly output: Tensor;
  /** False where the sampler will look at the model again within this step. */
  readonly isLastOfStep: boolean;
}

export interface DenoiseOptions {
  readonly sampler: Sampler;
  readonly config: SchedulerConfig;
  /** 1 or more. */
  readonly steps: number;
  /** Standard normal, [1, channels, height / 8, width / 8]; first for the latent to start from, then for what the sampler adds. */
  readonly drawNoise: () => Tensor;
  readonly planner: CompositionPlanner;
  readonly guidance: Guidance;
  /** The model's output for each pass, in order, for one input that is already scaled. */
  readonly predict: (passes: readonly UnetPass[], input: Tensor, timestep: number) => Promise<readonly Tensor[]>;
  readonly signal: AbortSignal;
}

/** Yields after each evaluation and returns the finished latent. Throws the signal's reason before an evaluation once it is aborted. */
export async function* denoise(options: DenoiseOptions): AsyncGenerator<DenoiseProgress, Tensor, void> {
  const { sampler, config, steps, planner, drawNoise, signal } = options;
  const evaluations = sampler.evaluations(config, steps);
  const trajectory = sampler.sample(sampler.start(drawNoise(), config, steps), config, steps, drawNoise);

  let state = planner.start;
  let call = trajectory.next();
  while (!call.done) {
    signal.throwIfAborted();
    const { evaluation, input } = call.value;
    const plan = planner.plan(evaluation, state, { latent: input });
    const predictions = await options.predict(plan.passes, input, evaluation.timestep);
    assert(
      predictions.length === plan.passes.length,
      `${predictions.length} predictions for ${plan.passes.length} passes`,
    );
    const output = guide(planner.combine(plan, predictions), options.guidance);
    state = plan.state;
    call = trajectory.next(output);

    const isLastOfStep = evaluations[evaluation.index + 1]?.step !== evaluation.step;
    yield { evaluation, plan: plan.summary, passes: plan.passes, input, output, isLastOfStep };
  }
  return call.value;
}
