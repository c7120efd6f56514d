import { expect, test } from 'vitest';
import { foldPatches } from '../../../../src/core/composition/patch-fold.ts';

/** [1, 1, 2, 4]: at two patches a side, four patches of a row's two cells each. */
const latent = (...data: readonly number[]) => ({ dims: [1, 1, 2, 4], data: Float32Array.from(data) });

const BASE = latent(1, 1, 1, 1, 1, 1, 1, 1);
/** Like the plain model on the left, unlike it on the right; and the other way round. */
const LEFT = latent(2, 2, 2, -2, 2, 2, 2, -2);
const RIGHT = latent(3, -3, 3, 3, 3, -3, 3, 3);

test('a cold softmin gives each patch to the prediction that is least like the plain model there', () => {
  const folded = foldPatches(BASE, [LEFT, RIGHT], { patches: 2, temperature: 1e-3 });
  expect([...folded.data]).toEqual([3, -3, 2, -2, 3, -3, 2, -2]);
});

test('a hot one gives the mean', () => {
  const { data } = foldPatches(BASE, [LEFT, RIGHT], { patches: 2, temperature: 1e9 });
  expect([...data]).toEqual([2.5, -0.5, 2.5, 0.5, 2.5, -0.5, 2.5, 0.5]);
});

test('between them weights are exp(-cos / temperature) over their sum', () => {
  // In the left patches the cosines are 1 and 0, in the right ones 0 and 1.
  const share = Math.exp(-1 / 0.5) / (Math.exp(-1 / 0.5) + 1);
  const { data } = foldPatches(BASE, [LEFT, RIGHT], { patches: 2, temperature: 0.5 });
  expect(data[0]).toBeCloseTo(share * 2 + (1 - share) * 3, 6);
  expect(data[3]).toBeCloseTo((1 - share) * -2 + share * 3, 6);
});

test('cosines do not see the length of a prediction, and a patch of zeros is like nothing', () => {
  const long = latent(...[...LEFT.data].map((value) => value * 100));
  const weightOfLeft = (left: typeof LEFT) => {
    const marked = foldPatches(BASE, [left, latent(0, 0, 0, 0, 0, 0, 0, 0)], { patches: 2, temperature: 0.3 });
    return (marked.data[0] ?? 0) / (left.data[0] ?? 1);
  };
  expect(weightOfLeft(long)).toBeCloseTo(weightOfLeft(LEFT), 6);
  expect(weightOfLeft(LEFT)).toBeCloseTo(Math.exp(-1 / 0.3) / (1 + Math.exp(-1 / 0.3)), 6);
});

test('channels of one cell belong to one patch', () => {
  const twoChannels = (...data: readonly number[]) => ({ dims: [1, 2, 1, 2], data: Float32Array.from(data) });
  const base = twoChannels(1, 1, 1, 1);
  // On the left the first is like the plain model in one channel only; on the right the second is.
  const one = twoChannels(1, 1, -1, 1);
  const other = twoChannels(1, 1, 1, -1);
  const { data } = foldPatches(base, [one, other], { patches: 2, temperature: 1e-3 });
  expect([...data]).toEqual([1, 1, -1, -1]);
});

test('more patches than cells are as many as there are cells', () => {
  const settings = { temperature: 0.2 };
  const many = foldPatches(BASE, [LEFT, RIGHT], { ...settings, patches: 64 });
  expect(many).toEqual(foldPatches(BASE, [LEFT, RIGHT], { ...settings, patches: 4 }));
});
