import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cos, fma, log, sin } from '../../../../src/core/random/float32.ts';

type Operands = readonly [a: number, b: number, c: number];

const ordinary = fc
  .tuple(fc.float({ min: 2 ** -20, max: 2 ** 20, noNaN: true }), fc.constantFrom(1, -1))
  .map(([size, sign]) => size * sign);

/** c plus almost exactly half a unit of its last place: so near to a tie that a double cannot tell, where rounding twice goes wrong. */
const nearTie = fc
  .tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 0, max: 2 ** 23 - 1 }),
    fc.constantFrom(1, -1),
    fc.constantFrom(1, -1),
  )
  .map(([tilt, place, sign, side]): Operands => {
    const [a, b] = [2 ** -12 * (1 - tilt * 2 ** -23), 2 ** -12 * (1 + tilt * 2 ** -23)];
    return [sign * a, b, side * (1 + place * 2 ** -23)];
  });

test('fma is always the exact product and sum, rounded once', () => {
  fc.assert(
    fc.property(fc.oneof(fc.tuple(ordinary, ordinary, ordinary), nearTie), ([a, b, c]) => {
      expect(fma(a, b, c)).toBe(roundToFloat32(units(a) * units(b) + (units(c) << UNIT_BITS)));
    }),
    { numRuns: 20_000 },
  );
});

test('fma keeps what rounding first to a double and then to a float loses', () => {
  const [a, b, c] = [2 ** -12 * (1 - 2 ** -23), 2 ** -12 * (1 + 2 ** -23), 1 + 2 ** -23];
  expect(Math.fround(a * b + c)).toBe(1 + 2 ** -22);
  expect(fma(a, b, c)).toBe(c);
});

test('logarithm, sine and cosine always lie within 2^-22 of the true value', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 24 - 1 }), (share) => {
      const uniform = share / 2 ** 24;
      const angle = Math.fround(2 * Math.PI * uniform);
      expect(Math.abs(log(uniform) / Math.log(uniform) - 1)).toBeLessThan(2 ** -22);
      expect(Math.abs(sin(angle) - Math.sin(angle))).toBeLessThan(2 ** -22);
      expect(Math.abs(cos(angle) - Math.cos(angle))).toBeLessThan(2 ** -22);
    }),
    { numRuns: 5_000 },
  );
});

/** Exact arithmetic: a number as a count of 2^-UNIT_BITS, finer than any float that is drawn here. */
const UNIT_BITS = 60n;

function units(value: number): bigint {
  return BigInt(value * 2 ** Number(UNIT_BITS));
}

/** The float32 nearest to a count of 2^-(2 * UNIT_BITS), half to even: the definition, digit by digit. */
function roundToFloat32(count: bigint): number {
  const size = count < 0n ? -count : count;
  const dropped = BigInt(Math.max(size.toString(2).length - 24, 0));
  const kept = size >> dropped;
  const rest = 2n * (size - (kept << dropped));
  const unit = 1n << dropped;
  const isUp = rest > unit || (rest === unit && kept % 2n === 1n);
  const magnitude = Number(kept + (isUp ? 1n : 0n)) * 2 ** Number(dropped - 2n * UNIT_BITS);
  return count < 0n ? -magnitude : magnitude;
}
