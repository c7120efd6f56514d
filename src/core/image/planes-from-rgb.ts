import type { Tensor } from '../tensor/tensor.ts';
import type { RgbImage } from './planes-to-rgb.ts';

/**
 * Pixels as planes [1, 3, height, width], each channel as (value / 255 - mean) / deviation: what models that look at pictures are fed.
 * The way back from what a model draws is `planes-to-rgb.ts`.
 */
export function planesFromRgb(
  { width, height, pixels }: RgbImage,
  { mean, deviation }: { readonly mean: readonly number[]; readonly deviation: readonly number[] },
): Tensor {
  const count = width * height;
  const data = new Float32Array(3 * count);
  for (let channel = 0; channel < 3; channel++) {
    const centre = mean[channel] ?? 0;
    const scale = deviation[channel] ?? 1;
    for (let pixel = 0; pixel < count; pixel++) {
      data[channel * count + pixel] = ((pixels[3 * pixel + channel] ?? 0) / 255 - centre) / scale;
    }
  }
  return { data, dims: [1, 3, height, width] };
}
