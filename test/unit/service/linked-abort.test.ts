import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { linkAbort } from '../../../src/service/linked-abort.ts';

test('it is aborted by any of its parents, and by itself', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const links = [one.signal, other.signal].map((parent) => linkAbort(new AbortController().signal, parent));
  expect(links.map(({ signal }) => signal.aborted)).toEqual([false, false]);
  other.abort();
  expect(links.map(({ signal }) => signal.aborted)).toEqual([false, true]);
  links[0]?.abort();
  expect(links.map(({ signal }) => signal.aborted)).toEqual([true, true]);
  expect(one.signal.aborted).toBe(false);
});

test('a parent that was aborted before aborts it at once', () => {
  expect(linkAbort(AbortSignal.abort()).signal.aborted).toBe(true);
});

test('a parent keeps nothing of one that was unlinked', () => {
  const parent = new AbortController();
  for (let turn = 0; turn < 100; turn++) linkAbort(parent.signal).unlink();
  const last = linkAbort(parent.signal);
  last.unlink();
  parent.abort();
  expect(last.signal.aborted).toBe(false);
  expect(getEventListeners(parent.signal, 'abort')).toEqual([]);
});
