import { expect, test } from 'vitest';
import { guide } from '../../../../src/core/guidance/classifier-free.ts';
import { rescaled } from '../../../../src/core/guidance/rescale.ts';
import type { Tensor } from '../../../../src/core/tensor/tensor.ts';
import { standardDeviation } from '../../../support/deviation.ts';

const row = (...values: number[]): Tensor => ({ data: Float32Array.from(values), dims: [1, values.length] });

/** Expected values are `rescale_noise_cfg(noise_cfg, noise_pred_text, guidance_rescale=0.7)` of diffusers 0.42.1. */
test('the share of 0.7 is what diffusers makes of it', () => {
  const cond = row(1, -2, 0.5, 3, -1);
  const guided = row(4, -6, 3, 12, -2);
  const expected = [1.9923880100250244, -2.988582134246826, 1.494291067123413, 5.977164268493652, -0.9961940050125122];
  for (const [index, value] of rescaled(guided, cond, 0.7).data.entries())
    expect(value).toBeCloseTo(expected[index] ?? 0, 6);
});

test('a share of 1 gives the guided prediction the deviation of the conditional one, and a share of 0 changes nothing', () => {
  const predictions = { uncond: row(0.5, 0, 1, -2), cond: row(1, -2, 0.5, 3) };
  const guided = guide(predictions, { scale: 7.5, rescale: 0 });
  const full = guide(predictions, { scale: 7.5, rescale: 1 });
  expect(standardDeviation(full.data)).toBeCloseTo(standardDeviation(predictions.cond.data), 6);
  expect(rescaled(guided, predictions.cond, 0)).toEqual(guided);
});
