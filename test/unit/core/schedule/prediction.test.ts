import { describe, expect, test } from 'vitest';
import { predictionWeights } from '../../../../src/core/schedule/prediction.ts';

describe.each([0.0047, 0.3, 0.9991])('at alphaBar %f', (alphaBar) => {
  const [signal, noise] = [Math.sqrt(alphaBar), Math.sqrt(1 - alphaBar)];
  const [x0, eps] = [0.7, -1.3];
  const latent = signal * x0 + noise * eps;

  test.each([
    ['epsilon', eps],
    ['sample', x0],
    ['v_prediction', signal * eps - noise * x0],
  ] as const)('%s leads back to the picture and the noise', (type, output) => {
    const weights = predictionWeights(type, alphaBar);
    expect(weights.x0.latent * latent + weights.x0.output * output).toBeCloseTo(x0, 10);
    expect(weights.eps.latent * latent + weights.eps.output * output).toBeCloseTo(eps, 10);
  });
});

test.each(['v_prediction', 'sample'] as const)('where no picture is left, %s still says what it is', (type) => {
  const [x0, eps] = [0.7, -1.3];
  const weights = predictionWeights(type, 0);
  const output = type === 'sample' ? x0 : -x0;
  expect(weights.x0.latent * eps + weights.x0.output * output).toBe(x0);
  expect(weights.eps.latent * eps + weights.eps.output * output).toBe(eps);
});
