import { LIMITS } from '../contract/limits.ts';
import { InputError } from '../core/problem.ts';

const DEFAULT_LIMIT = 100;

/** How many of a list are asked for at once. Throws an InputError. */
export function pageLimit(asked: string | number | undefined): number {
  const limit = asked === undefined ? DEFAULT_LIMIT : Number(asked);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LIMITS.pageMax) return limit;
  const message = `limit is ${String(asked).slice(0, 40)}; must be an integer from 1 to ${LIMITS.pageMax}`;
  throw new InputError([{ code: 'invalid_request', subject: 'limit', message }]);
}
