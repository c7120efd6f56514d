/** The nearest integer; a half goes to the even neighbour, as IEEE 754, numpy and torch round (`Math.round` takes it upwards). */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
