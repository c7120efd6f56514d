import { expect, test } from 'vitest';
import { measureDifference } from '../../src/core/frequency/difference.ts';
import { fft2d, type Plane } from '../../src/core/frequency/fft2d.ts';
import { highBandOfLatent, highBandOfPicture, highBandStatistic } from '../../src/core/frequency/high-band.ts';
import { radialProfile } from '../../src/core/frequency/radial-profile.ts';
import { radiusBins } from '../../src/core/frequency/radius-bins.ts';
import { goldenJson } from '../support/golden-data.ts';

/** Spectra and radial statistics against numpy, whose values are kept to 10 digits. */

interface Size {
  readonly height: number;
  readonly width: number;
}

interface PlaneCase extends Size {
  readonly largest_radius: number;
  readonly m_raw: number;
  readonly m_log: number;
  readonly re?: readonly number[];
  readonly im?: readonly number[];
  readonly raw?: readonly number[];
  readonly log?: readonly number[];
}

const golden = goldenJson('frequency.json') as {
  readonly planes: readonly PlaneCase[];
  readonly shares: readonly (Size & { readonly score: number })[];
  readonly papers: readonly (Size & {
    readonly latent_raw: number;
    readonly latent_log: number;
    readonly picture: number;
  })[];
};

/** The formula of frequency_cases.py. */
function plane({ height, width }: Size, kind = 1): Plane {
  const values = Array.from({ length: height * width }, (_, index) => {
    const row = Math.floor(index / width);
    const column = index % width;
    return ((3 * column ** 2 + 7 * row + 5 * row * column + kind * row ** 2) % 17) - 8;
  });
  return { height, width, values };
}

function largestError(actual: Float64Array, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce((max, value, index) => Math.max(max, Math.abs((actual[index] ?? Number.NaN) - value)), 0);
}

test.each(golden.planes)('radii and statistics of $height x $width are those of numpy', (size) => {
  expect(radiusBins(size).largest).toBe(size.largest_radius);
  expect(highBandStatistic(plane(size), 'raw')).toBeCloseTo(size.m_raw, 8);
  // A coefficient that is 0 in exact arithmetic is rounding noise beside the 1e-8 inside the logarithm.
  expect(highBandStatistic(plane(size), 'log')).toBeCloseTo(size.m_log, 5);
});

test.each(golden.planes)('the spectrum of $height x $width is that of numpy, bin by bin', (size) => {
  const { re, im } = fft2d(plane(size));
  if (size.re !== undefined && size.im !== undefined) {
    expect(largestError(re, size.re)).toBeLessThan(1e-6);
    expect(largestError(im, size.im)).toBeLessThan(1e-6);
  }
  if (size.raw !== undefined && size.log !== undefined) {
    expect(largestError(radialProfile(plane(size), 'raw'), size.raw)).toBeLessThan(1e-5);
    expect(largestError(radialProfile(plane(size), 'log'), size.log)).toBeLessThan(1e-4);
  }
});

test.each(golden.shares)(
  'the class score of a difference of three planes of $height x $width is that of numpy',
  (size) => {
    const dims = [1, 3, size.height, size.width];
    const changed = Float32Array.from([1, 2, 3].flatMap((kind) => Array.from(plane(size, kind).values)));
    const base = new Float32Array(changed.length).fill(1);

    // A constant is taken from every value: the mean does not count.
    expect(measureDifference({ data: changed, dims }, { data: base, dims })?.score).toBeCloseTo(size.score, 8);
  },
);

test.each(golden.papers)(
  "the paper's statistics of a latent and of a picture of $height x $width are those of numpy",
  (size) => {
    const planes = [1, 2, 3, 4].map((kind) => Array.from(plane(size, kind).values));
    const latent = { data: Float32Array.from(planes.flat()), dims: [1, 4, size.height, size.width] };
    const pixels = Uint8Array.from(
      (planes[0] ?? []).flatMap((_, index) => planes.slice(0, 3).map((values) => 14 * (values[index] ?? 0) + 120)),
    );

    expect(highBandOfLatent(latent, 'raw')).toBeCloseTo(size.latent_raw, 6);
    expect(highBandOfLatent(latent, 'log')).toBeCloseTo(size.latent_log, 4);
    expect(highBandOfPicture({ ...size, pixels })).toBeCloseTo(size.picture, 4);
  },
);
