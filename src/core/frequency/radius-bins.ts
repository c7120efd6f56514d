/**
 * How far each coefficient of a spectrum lies from frequency 0: cmlora.md A.2, steps 1 and 2. In a spectrum that numpy's `fftshift`
 * has centred, R(u, v) = floor(sqrt((u - w//2)^2 + (v - h//2)^2)); here the spectrum is not shifted, and the coordinates are. The
 * corners count, whose bins hold few coefficients.
 */

export interface RadiusBins {
  /** R of each coefficient, in the order of an unshifted spectrum, row-major. */
  readonly radii: Uint16Array;
  /** Rmax; there are Rmax + 1 bins, 46 of them for 64x64. */
  readonly largest: number;
}

export function radiusBins(size: { readonly height: number; readonly width: number }): RadiusBins {
  const vertical = shiftedDistances(size.height);
  const horizontal = shiftedDistances(size.width);
  const radii = Uint16Array.from(vertical.flatMap((v) => horizontal.map((u) => Math.floor(Math.sqrt(u * u + v * v)))));
  return { radii, largest: radii.reduce((largest, radius) => Math.max(largest, radius), 0) };
}

/** `fftshift` moves frequency k to (k + n//2) mod n, and the centre is n//2. */
function shiftedDistances(length: number): readonly number[] {
  const centre = Math.floor(length / 2);
  return Array.from({ length }, (_, k) => ((k + centre) % length) - centre);
}
