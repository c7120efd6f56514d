/** Who is beaten by nobody: for each point whether no other one costs at most as much and is worth at least as much, and differs in one. */
export function paretoFront(points: readonly { readonly cost: number; readonly worth: number }[]): readonly boolean[] {
  return points.map(
    (point) =>
      !points.some(
        (other) =>
          other.cost <= point.cost &&
          other.worth >= point.worth &&
          (other.cost < point.cost || other.worth > point.worth),
      ),
  );
}
