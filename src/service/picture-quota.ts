import { ServiceError } from '../contract/errors.ts';
import type { Principal } from '../contract/principal.ts';
import type { Allowances } from '../store/allowances.ts';
import { reaching } from './reaching.ts';

/**
 * Counts the pictures of a request against its owner's day while it is accepted, and gives them back where it was not, or where the
 * answer is that of an earlier request. Throws `rate_limited`.
 */
export async function withinQuota<Answer extends { readonly isReplay: boolean }>(
  options: { readonly allowances: Allowances; readonly caller: Principal; readonly pictures: number },
  accept: () => Promise<Answer>,
): Promise<Answer> {
  const { allowances, caller, pictures } = options;
  const { owner, picturesPerDay } = caller;
  if (picturesPerDay === null) return await accept();
  const waitMs = await reaching('Redis', () => allowances.countPictures(owner, pictures, picturesPerDay));
  if (waitMs > 0) {
    const message = `this would be more than ${picturesPerDay} pictures in a day (UTC); n is ${pictures}`;
    throw new ServiceError('rate_limited', message, { retryAfterS: Math.ceil(waitMs / 1000) });
  }
  let isCharged = false;
  try {
    const answer = await accept();
    isCharged = !answer.isReplay;
    return answer;
  } finally {
    // Where Redis is away by now, the pictures stay counted: the day will end.
    if (!isCharged) await allowances.countPictures(owner, -pictures, picturesPerDay).catch(() => {});
  }
}
