import type { ImagePlan } from '../contract/generation-result.ts';
import type { PreviewRequest } from '../contract/job.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { PipelineEvent } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import type { CacheUse, CompositionPlanner, EvaluationPlan, UnetPass } from '../core/composition/method.ts';
import { denoise } from '../core/denoise.ts';
import { cleanLatent, previewOf } from '../core/image/latent-preview.ts';
import { rgbFromPlanes } from '../core/image/planes-to-rgb.ts';
import { torchGenerator } from '../core/random/torch-generator.ts';
import { SAMPLERS } from '../core/samplers/index.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import { conditioningsOf, type EncodedTexts, encodeTexts } from './conditioning.ts';
import { withThreshold } from './measure-threshold.ts';
import { plannerFor } from './plan.ts';
import type { EnginePorts } from './ports.ts';
import { weighByPrompt } from './prompt-weights.ts';
import { createStopwatch, type StageObserver, type Stopwatch } from './stopwatch.ts';

/**
 * A resolved request to pictures, as a generator of events: a step at a time, each picture when it is finished, and `done` last.
 * The worker, the command line and the tests are three consumers of this one function. It decides nothing about LoRAs or caches
 * (composition does) and runs no tensor (the engine behind the ports does). Images run one after another: what fills a call are
 * the rows of one evaluation and those of other jobs.
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
  preview?: PreviewRequest,
  onStage?: StageObserver,
): AsyncGenerator<PipelineEvent, void, void> {
  const stopwatch = createStopwatch(now, onStage);
  const lease = await stopwatch.time('load_loras_ms', () => ports.acquireAdapters(request.loras, signal));
  try {
    const evaluations = SAMPLERS[request.sampler].evaluations(model.scheduler, request.steps);
    const weighed = await stopwatch.time('encode_text_ms', () => weighByPrompt(request, ports, signal));
    const decided = await stopwatch.time('denoise_ms', () => withThreshold(weighed, model, ports, signal));
    const planner = plannerFor(decided, model, evaluations);
    const conditionings = conditioningsOf(planner, evaluations);
    const prompts = { prompt: request.prompt, negative: request.negative_prompt };
    const texts = await stopwatch.time('encode_text_ms', () =>
      encodeTexts({ texts: prompts, conditionings, ports, signal }),
    );

    const passes = { full: 0, reuse: 0 };
    const plans: ImagePlan[] = [];
    for (let image = 0; image < request.n; image++) {
      const featurePrefix = `${lease.name}/${image}/`;
      const run = { request, model, planner, texts, ports, signal, stopwatch, image, featurePrefix, passes, preview };
      const drawn = yield* drawLatent(run);
      ports.dropFeatures(featurePrefix);
      plans.push({ image, plan: drawn.plan });

      const planes = await stopwatch.time('decode_ms', () => ports.decode(drawn.latent, signal));
      yield { type: 'image', image, seed: request.seed + image, ...rgbFromPlanes(planes) };
    }
    const plan = plans[0]?.plan ?? [];
    const rest = { passes, timings: stopwatch.timings(), warnings: texts.warnings };
    yield { type: 'done', plan, ...(planner.isOnline === true && { image_plans: plans }), ...rest };
  } finally {
    ports.dropFeatures(`${lease.name}/`);
    lease.release();
  }
}

/** One image's trajectory. */
interface Run {
  readonly request: ResolvedRequest;
  readonly model: ModelDescriptor;
  readonly planner: CompositionPlanner;
  readonly texts: EncodedTexts;
  readonly ports: EnginePorts;
  readonly signal: AbortSignal;
  readonly stopwatch: Stopwatch;
  readonly image: number;
  /** What makes the planner's cache keys unlike those of every other trajectory of the engine. */
  readonly featurePrefix: string;
  /** Counts the rows that have run, over all images. */
  readonly passes: { full: number; reuse: number };
  readonly preview: PreviewRequest | undefined;
}

/** Noise to a finished latent, with an event after each step. */
async function* drawLatent(
  run: Run,
): AsyncGenerator<PipelineEvent, { readonly latent: Tensor; readonly plan: readonly EvaluationPlan[] }, void> {
  const { request, model, planner, signal, stopwatch, image } = run;
  const { steps } = request;
  // Noise depends on seed and shape alone, never on n or on who else is drawn.
  const draw = torchGenerator(request.seed + image);
  const dims = latentDims(request, model);
  const trajectory = denoise({
    sampler: SAMPLERS[request.sampler],
    config: model.scheduler,
    steps,
    drawNoise: () => draw(dims),
    planner,
    guidance: { scale: request.guidance_scale, rescale: request.guidance_rescale },
    predict: (passes, latent, timestep) => predict(run, passes, { latent, timestep }),
    signal,
  });
  const plan: EvaluationPlan[] = [];
  for (;;) {
    const progress = await stopwatch.time('denoise_ms', () => trajectory.next());
    if (progress.done) return { latent: progress.value, plan };
    const { evaluation, plan: summary, isLastOfStep } = progress.value;
    plan.push(summary);
    if (!isLastOfStep) continue;
    const step = evaluation.step + 1;
    yield { type: 'step', image, step, steps, leader: summary.leader };
    if (isPreviewed(step, run)) {
      const latent = cleanLatent(model.scheduler, { ...progress.value, timestep: evaluation.timestep });
      yield { type: 'preview', image, step, ...previewOf(latent, await run.ports.latentColours(signal)) };
    }
  }
}

/** Not after the last step, when the picture itself comes. */
function isPreviewed(step: number, { preview, request }: Run): boolean {
  return preview !== undefined && step % preview.every_steps === 0 && step < request.steps;
}

async function predict(
  { texts, ports, signal, featurePrefix, passes: ran }: Run,
  passes: readonly UnetPass[],
  input: { readonly latent: Tensor; readonly timestep: number },
): Promise<readonly Tensor[]> {
  const rows = passes.map(({ adapters, conditioning, cache }) => ({
    ...input,
    text: texts.of(conditioning),
    adapters,
    ...(cache !== undefined && { cache: withPrefix(featurePrefix, cache) }),
  }));
  const outputs = await ports.predict(rows, signal);
  for (const { cache } of passes) ran[cache?.mode === 'reuse' ? 'reuse' : 'full'] += 1;
  return outputs;
}

function withPrefix(prefix: string, cache: CacheUse): CacheUse {
  const { key, relativeTo } = cache;
  return { ...cache, key: prefix + key, ...(relativeTo !== undefined && { relativeTo: prefix + relativeTo }) };
}

function latentDims(request: ResolvedRequest, model: ModelDescriptor): readonly number[] {
  const { width, height } = request;
  const dims = [height, width].map((pixels) => pixels / model.latentScale);
  assert(dims.every(Number.isInteger), `${width}x${height} is no multiple of ${model.latentScale}`);
  return [1, model.latentChannels, ...dims];
}
