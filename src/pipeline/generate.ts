import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { PipelineEvent, PipelineTimings } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import type { EvaluationPlan, UnetPass } from '../core/composition/method.ts';
import { denoise } from '../core/denoise.ts';
import { rgbFromPlanes } from '../core/image/planes-to-rgb.ts';
import { randn } from '../core/random/torch-generator.ts';
import { SAMPLERS } from '../core/samplers/index.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import { conditioningsOf, encodeTexts } from './conditioning.ts';
import { plannerFor } from './plan.ts';
import type { EnginePorts } from './ports.ts';

/**
 * A resolved request to pictures, as a generator of events: a step at a time, each picture when it is finished, and `done` last.
 * The worker, the command line and the tests are three consumers of this one function. It decides nothing about LoRAs or caches
 * (composition does) and runs no tensor (the engine behind the ports does). Images run one after another; what makes good use of a
 * call is the rows of one evaluation and the rows of other jobs.
 *
 * Cancel by aborting the signal: it throws the signal's reason within one evaluation. Whatever way it ends, leases are given back
 * and cached features forgotten.
 */
export async function* generate(
  request: ResolvedRequest,
  model: ModelDescriptor,
  ports: EnginePorts,
  signal: AbortSignal,
  now: () => number,
): AsyncGenerator<PipelineEvent, void, void> {
  const stopwatch = createStopwatch(now);
  const lease = await stopwatch.time('load_loras_ms', () => ports.acquireAdapters(request.loras, signal));
  try {
    const sampler = SAMPLERS[request.sampler];
    const evaluations = sampler.evaluations(model.scheduler, request.steps);
    const planner = plannerFor(request, model, evaluations);
    const texts = await stopwatch.time('encode_text_ms', () =>
      encodeTexts({
        texts: { prompt: request.prompt, negative: request.negative_prompt },
        conditionings: conditioningsOf(planner, evaluations),
        ports,
        signal,
      }),
    );

    const passes = { full: 0, reuse: 0 };
    let plan: readonly EvaluationPlan[] = [];
    for (let image = 0; image < request.n; image++) {
      const seed = request.seed + image;
      const featurePrefix = `${lease.name}/${image}/`;
      const imagePlan: EvaluationPlan[] = [];

      const predict = async (planned: readonly UnetPass[], latent: Tensor, timestep: number) => {
        const rows = planned.map(({ adapters, conditioning, cache }) => ({
          latent,
          timestep,
          text: texts.of(conditioning),
          adapters,
          ...(cache !== undefined && { cache: { ...cache, key: featurePrefix + cache.key } }),
        }));
        const outputs = await ports.predict(rows, signal);
        for (const { cache } of planned) passes[cache?.mode === 'reuse' ? 'reuse' : 'full'] += 1;
        return outputs;
      };

      const trajectory = denoise({
        sampler,
        config: model.scheduler,
        steps: request.steps,
        noise: randn(seed, latentDims(request, model)),
        planner,
        guidanceScale: request.guidance_scale,
        predict,
        signal,
      });
      let progress = await stopwatch.time('denoise_ms', () => trajectory.next());
      while (!progress.done) {
        const { evaluation, plan: summary, isLastOfStep } = progress.value;
        imagePlan.push(summary);
        if (isLastOfStep) {
          const { steps } = request;
          yield { type: 'step', image, step: evaluation.step + 1, steps, leader: summary.leader };
        }
        progress = await stopwatch.time('denoise_ms', () => trajectory.next());
      }
      ports.dropFeatures(featurePrefix);
      const latent = progress.value;

      const planes = await stopwatch.time('decode_ms', () => ports.decode(latent, signal));
      yield { type: 'image', image, seed, ...rgbFromPlanes(planes) };
      plan = imagePlan;
    }
    yield { type: 'done', plan, passes, timings: stopwatch.timings(), warnings: texts.warnings };
  } finally {
    ports.dropFeatures(`${lease.name}/`);
    lease.release();
  }
}

function latentDims(request: ResolvedRequest, model: ModelDescriptor): readonly number[] {
  const dims = [request.height, request.width].map((pixels) => pixels / model.latentScale);
  assert(dims.every(Number.isInteger), `${request.width}x${request.height} is no multiple of ${model.latentScale}`);
  return [1, model.latentChannels, ...dims];
}

/** Adds up the time of each stage: only what is awaited inside `time` counts, not what the consumer does with an event. */
function createStopwatch(now: () => number) {
  const timings = { load_loras_ms: 0, encode_text_ms: 0, denoise_ms: 0, decode_ms: 0 } satisfies PipelineTimings;
  return {
    async time<T>(stage: keyof PipelineTimings, work: () => Promise<T>): Promise<T> {
      const start = now();
      const result = await work();
      timings[stage] += now() - start;
      return result;
    },
    timings: (): PipelineTimings => ({ ...timings }),
  };
}
