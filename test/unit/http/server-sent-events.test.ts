import { expect, test } from 'vitest';
import type { StoredJobEvent } from '../../../src/contract/job-event.ts';
import { serverSentEvents } from '../../../src/http/server-sent-events.ts';

async function* eventsThen(events: readonly StoredJobEvent[], last: Promise<void>) {
  yield* events;
  await last;
}

test('an event is its id, its name and its JSON on one line', async () => {
  const events = eventsThen([{ id: '5-0', event: { type: 'queued', queue_position: 2 } }], Promise.resolve());
  const sent: string[] = [];
  for await (const text of serverSentEvents(events)) sent.push(text);
  expect(sent).toEqual(['retry: 1000\n\n', 'id: 5-0\nevent: queued\ndata: {"type":"queued","queue_position":2}\n\n']);
});

test('a line break in an event cannot forge another', async () => {
  const error = { type: '', title: '', status: 500, code: 'internal', detail: 'a\n\nid: 9-9\ndata: b' } as const;
  const events = eventsThen([{ id: '5-0', event: { type: 'failed', error } }], Promise.resolve());
  const sent: string[] = [];
  for await (const text of serverSentEvents(events)) sent.push(text);
  expect(sent.join('').match(/^id: /gm)).toHaveLength(1);
});

test('where nothing happens, a comment is sent now and then', async () => {
  let end = () => {};
  const events = eventsThen([], new Promise<void>((resolve) => (end = resolve)));
  const sent: string[] = [];
  for await (const text of serverSentEvents(events, 1)) {
    sent.push(text);
    if (sent.length === 4) end();
  }
  expect(sent.slice(1, 4)).toEqual(Array(3).fill(': still here\n\n'));
});

test('leaving the stream leaves the events', async () => {
  let hasLeft = false;
  async function* events(): AsyncGenerator<StoredJobEvent> {
    try {
      for (let position = 0; ; position++)
        yield { id: `${position}-0`, event: { type: 'queued', queue_position: position } };
    } finally {
      hasLeft = true;
    }
  }
  for await (const text of serverSentEvents(events())) if (text.startsWith('id: 3')) break;
  expect(hasLeft).toBe(true);
});
