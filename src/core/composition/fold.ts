import { assert } from '../assert.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { weightedSum } from '../tensor/weighted-sum.ts';
import type { Conditioning, Predictions } from './method.ts';

/**
 * A weighted sum of predictions, rounded once: `out = sum_j weight_j * prediction_j`, accumulated in float64. The fold of every
 * method that runs more than one pass.
 */
export function fold(weights: readonly number[], predictions: readonly Tensor[]): Tensor {
  assert(weights.length === predictions.length, 'one weight for each prediction');
  return weightedSum(...predictions.map((prediction, index) => [weights[index] ?? 0, prediction] as const));
}

/**
 * The fold of each guidance half, with the same weights on both. The predictions come an adapter at a time, within an adapter one for
 * each of `texts`; without a negative text there is no unconditional half.
 */
export function foldHalves(
  weights: readonly number[],
  predictions: readonly Tensor[],
  texts: readonly Conditioning['text'][],
): Predictions {
  assert(predictions.length === weights.length * texts.length, 'one prediction for each pass');
  const half = (text: Conditioning['text']) =>
    fold(
      weights,
      predictions.filter((_, index) => texts[index % texts.length] === text),
    );
  return { uncond: texts.includes('negative') ? half('negative') : null, cond: half('prompt') };
}
