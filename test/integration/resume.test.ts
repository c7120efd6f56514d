import { afterAll, beforeAll, expect, test } from 'vitest';
import { type GenerationEventMessage, type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { seededRandom } from '../support/random.ts';
import { allEvents, parseEvents, type SentEvent } from '../support/read-events.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/**
 * Streams that break and are taken up again, over server-sent events and gRPC, from a real service: whoever resumes after the last
 * event that it has sees what an unbroken stream shows, every event once.
 */

let service: TestService;
let grpc: GrpcClient;

beforeAll(async () => {
  service = await startTestService();
  grpc = openGrpcClient(service.grpcAddress);
});

afterAll(async () => {
  grpc?.close();
  await service?.close();
});

const CUTS = 100;

async function submit(change: object): Promise<string> {
  return (await jsonOf(postJson(`${service.httpUrl}/v1/generations`, { ...SMALL_REQUEST, ...change }))).id;
}

function sseFrom(id: string, after: string | undefined, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after };
  return fetch(`${service.httpUrl}/v1/generations/${id}/events`, { headers, ...(signal && { signal }) });
}

/** Without chunks of pictures, which belong to the event that follows them and come again with it. */
async function watch(id: string, after: string | undefined): Promise<readonly GenerationEventMessage[]> {
  const events: GenerationEventMessage[] = [];
  for await (const event of grpc.events('Watch', { id, resume_token: after })) {
    if (event.image_chunk === undefined) events.push(event);
  }
  return events;
}

test('a stream resumed after each of its events is the rest of the unbroken one', async () => {
  const id = await submit({ steps: 12, n: 2, preview: { every_steps: 3 } });
  const unbroken = await allEvents(await sseFrom(id, undefined));
  const watched = await watch(id, undefined);
  expect(unbroken.filter((event) => event.name === 'preview')).toHaveLength(2 * 3);
  expect(unbroken).toHaveLength(2 + 24 + 6 + 1);
  expect(watched.map((event) => event.resume_token)).toEqual(unbroken.map((event) => event.id));

  for (const [index, { id: after }] of unbroken.entries()) {
    expect(await allEvents(await sseFrom(id, after))).toEqual(unbroken.slice(index + 1));
    expect(await watch(id, after)).toEqual(watched.slice(index + 1));
  }
});

/** Reads a random number of bytes from each connection and then cuts it, as a network does: in mid-event as well as between two. */
async function readInPieces(id: string, seed: number): Promise<{ events: SentEvent[]; cuts: number }> {
  const random = seededRandom(seed);
  const events: SentEvent[] = [];
  for (let cuts = 0; ; cuts++) {
    const connection = new AbortController();
    const response = await sseFrom(id, events.at(-1)?.id, connection.signal);
    const limit = cuts < CUTS ? 40 + random.below(400) : Number.POSITIVE_INFINITY;
    let text = '';
    let isWhole = true;
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString('utf8');
      isWhole = text.length < limit;
      if (!isWhole) break;
    }
    connection.abort();
    events.push(...parseEvents(text.slice(0, limit)));
    if (isWhole) return { events, cuts };
  }
}

/** The same over gRPC: a random number of messages from each call. */
async function watchInPieces(id: string, seed: number): Promise<{ events: GenerationEventMessage[]; cuts: number }> {
  const random = seededRandom(seed);
  const events: GenerationEventMessage[] = [];
  for (let cuts = 0; ; cuts++) {
    let left = cuts < CUTS ? 1 + random.below(3) : Number.POSITIVE_INFINITY;
    for await (const event of grpc.events('Watch', { id, resume_token: events.at(-1)?.resume_token })) {
      if (event.image_chunk === undefined) events.push(event);
      if (--left === 0) break;
    }
    if (left > 0) return { events, cuts };
  }
}

test(`streams of a running generation, cut off ${CUTS} times at random, are the unbroken ones`, async () => {
  const id = await submit({ steps: 150, n: 2, preview: { every_steps: 20 } });
  const [pieces, watchedPieces, unbroken, watched] = await Promise.all([
    readInPieces(id, 1),
    watchInPieces(id, 2),
    sseFrom(id, undefined).then(allEvents),
    watch(id, undefined),
  ]);

  expect(unbroken).toHaveLength(2 + 300 + 14 + 1);
  expect(new Set(unbroken.map((event) => event.id)).size).toBe(unbroken.length);
  expect(pieces.cuts).toBe(CUTS);
  expect(pieces.events).toEqual(unbroken);
  expect(watchedPieces.cuts).toBe(CUTS);
  expect(watchedPieces.events).toEqual(watched);
});
