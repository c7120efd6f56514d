import type { PipelineEvent } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import type { AdapterWeights, Composition } from '../core/composition/options.ts';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { evolve } from '../core/search/evolution.ts';
import { grid } from '../core/search/grid.ts';
import type { Search } from '../core/search/search.ts';

/**
 * Searches for the weights of a merge by drawing pictures and asking how good they are: `lorahub`, a weight for each LoRA of one
 * request (LoraHub, arXiv 2307.13269, for pictures as cmlora.md D has it), and `merge`, one scale for all LoRAs of all requests. Knows
 * neither an engine nor a judge: what draws and what scores are given to it. What was found goes into a request's `composition`.
 */

/** One request that weights are searched for. Its own composition and seed are not used. */
export interface TuningCase {
  readonly id: string;
  readonly request: ResolvedRequest;
  /** How good a picture of it is; more is better. */
  readonly score: (picture: RgbImage) => Promise<number>;
}

export interface TuningOptions {
  /** Pictures of each request at each try, of the noises `seed`, `seed` + 1, ... */
  readonly pictures: number;
  readonly seed: number;
  readonly draw: (request: ResolvedRequest) => AsyncIterable<PipelineEvent>;
}

export interface Try {
  readonly point: readonly number[];
  /** The mean score of the pictures. */
  readonly score: number;
  readonly loss: number;
}

export interface Tuned {
  readonly composition: Composition;
  readonly best: Try;
  /** The first is where the search started. */
  readonly tries: readonly Try[];
}

/** LoraHub's bounds and the weight of its regulariser (the authors' code; cmlora.md, D). */
const BOUNDS = [-1.5, 1.5] as const;
const WEIGHT_PENALTY = 0.05;
/** A third of the bounds: far enough to change a picture, near enough to stay with it. */
const FIRST_STEP = 0.5;

/** Scales of tuned Merge, 0.4 to 1 (cmlora.md, D). */
const SCALES = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Weights of the LoRAs of one request, from 1 / N each. Yields after each try. */
export async function* tuneLorahub(
  tuned: TuningCase,
  options: TuningOptions & { readonly tries: number },
): AsyncGenerator<Try, Tuned, void> {
  const { loras } = tuned.request;
  const weightsAt = (point: readonly number[]): AdapterWeights =>
    loras.map(({ id }, index) => ({ id, weight: point[index] ?? 0 }));
  const search = evolve({
    start: loras.map(() => 1 / loras.length),
    bounds: BOUNDS,
    step: FIRST_STEP,
    tries: options.tries,
    seed: options.seed,
  });
  return yield* tune([tuned], options, {
    search,
    composition: (point) => ({ method: 'lorahub', weights: weightsAt(point), text_encoder: 'all' }),
    penalty: (point) => (WEIGHT_PENALTY * point.reduce((sum, weight) => sum + Math.abs(weight), 0)) / point.length,
  });
}

/** One scale for all LoRAs of all requests together. Yields after each try. */
export function tuneMerge(cases: readonly TuningCase[], options: TuningOptions): AsyncGenerator<Try, Tuned, void> {
  return tune(cases, options, {
    search: grid(SCALES.map((scale) => [scale])),
    composition: ([scale = 1]) => ({ method: 'merge', scale, text_encoder: 'all' }),
    penalty: () => 0,
  });
}

async function* tune(
  cases: readonly TuningCase[],
  options: TuningOptions,
  how: {
    readonly search: Search;
    readonly composition: (point: readonly number[]) => Composition;
    readonly penalty: (point: readonly number[]) => number;
  },
): AsyncGenerator<Try, Tuned, void> {
  const tries: Try[] = [];
  let next = how.search.next();
  while (!next.done) {
    const point = next.value;
    const score = await meanScore(cases, how.composition(point), options);
    const attempt = { point, score, loss: how.penalty(point) - score };
    tries.push(attempt);
    yield attempt;
    next = how.search.next(attempt.loss);
  }
  const { point, loss } = next.value;
  const best = { point, loss, score: how.penalty(point) - loss };
  return { composition: how.composition(point), best, tries };
}

async function meanScore(
  cases: readonly TuningCase[],
  composition: Composition,
  { pictures, seed, draw }: TuningOptions,
): Promise<number> {
  let [sum, count] = [0, 0];
  for (const { request, score } of cases) {
    for await (const event of draw({ ...request, composition, seed, n: pictures })) {
      if (event.type !== 'image') continue;
      sum += await score(event);
      count += 1;
    }
  }
  return sum / count;
}
