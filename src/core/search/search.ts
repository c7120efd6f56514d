/**
 * A search for the point at which something unknown is least, in a form that has no idea what is measured: it yields a point, is
 * handed the loss there, and returns the best that it has seen. Points are yielded one after the other, because a try is dear.
 */
export type Search = Generator<readonly number[], Found, number>;

export interface Found {
  readonly point: readonly number[];
  readonly loss: number;
}
