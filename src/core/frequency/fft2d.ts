import { assert } from '../assert.ts';
import { fftOfLength } from './fft.ts';

/**
 * The two-dimensional spectrum of a real plane, without window, mean removal or normalisation: numpy's `fft2`. Not shifted: the
 * coefficient of frequency 0 comes first, and `radius-bins.ts` knows how far each lies from it.
 */

/** Real values, row-major. */
export interface Plane {
  readonly height: number;
  readonly width: number;
  readonly values: ArrayLike<number>;
}

/** Complex coefficients, row-major, [height, width]. */
export interface Spectrum {
  readonly height: number;
  readonly width: number;
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export function fft2d({ height, width, values }: Plane): Spectrum {
  assert(values.length === height * width, `${values.length} values are no plane of ${height}x${width}`);
  const re = Float64Array.from(values);
  const im = new Float64Array(re.length);

  const alongRow = fftOfLength(width);
  for (let start = 0; start < re.length; start += width) {
    alongRow(re.subarray(start, start + width), im.subarray(start, start + width));
  }

  const alongColumn = fftOfLength(height);
  const columnRe = new Float64Array(height);
  const columnIm = new Float64Array(height);
  for (let column = 0; column < width; column++) {
    for (let row = 0; row < height; row++) {
      columnRe[row] = re[row * width + column] ?? 0;
      columnIm[row] = im[row * width + column] ?? 0;
    }
    alongColumn(columnRe, columnIm);
    for (let row = 0; row < height; row++) {
      re[row * width + column] = columnRe[row] ?? 0;
      im[row * width + column] = columnIm[row] ?? 0;
    }
  }
  return { height, width, re, im };
}
