import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/contract/limits.ts';
import { preferredWaitS } from '../../../src/http/prefer.ts';

test.each([
  ['wait=10', 10],
  ['respond-async, wait=10', 10],
  ['wait=10; foo', 10],
  ['WAIT = "7"', 7],
  ['wait=0', 0],
  ['wait=86400', LIMITS.waitSMax],
])('%s is a wish to wait %i seconds', (header, seconds) => {
  expect(preferredWaitS(header)).toBe(seconds);
});

test.each([undefined, '', 'respond-async', 'wait', 'wait=', 'wait=-1', 'wait=x', 'wait=1.5', 'await=3'])(
  '%s is no wish that can be understood',
  (header) => {
    expect(preferredWaitS(header)).toBe(0);
  },
);
