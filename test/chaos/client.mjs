/**
 * A client that expects everything to break: it submits under an idempotency key until it is accepted, follows the events by HTTP or
 * gRPC and resumes them wherever they break off, and fetches the picture until it has it. It gives up at its deadline alone.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { openGrpcClient } from '../../dist/grpc/client.js';

const RETRY_MS = 150;
const LAST = new Set(['completed', 'failed', 'cancelled']);
/** An HTTP answer that comes later than this will not come. */
const ANSWER_MS = 15_000;

/**
 * What became of one request: `{ id, sha256 }` of its picture's file, or `{ id, error }`, or neither where it ran out of time.
 * `startsMs`: when each attempt was seen to start. `twice`: true where an event came a second time.
 */
export async function generateThroughIt(service, { request, key, deadline, door = 'http' }) {
  const outcome = { id: undefined, sha256: undefined, error: undefined, startsMs: [], twice: false };
  const isTime = () => Date.now() < deadline;
  while (isTime() && outcome.id === undefined && outcome.error === undefined) {
    const answer = await tryOnce(`${service.httpUrl}/v1/generations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(request),
    });
    if (answer?.status === 202) outcome.id = answer.json.id;
    else if (answer !== undefined && answer.status < 500 && answer.status !== 429)
      outcome.error = `refused with ${answer.status}`;
    else await delay(RETRY_MS);
  }
  if (outcome.id === undefined) return outcome;

  const follow = door === 'grpc' ? followByGrpc : followByHttp;
  let after = '';
  let last;
  while (isTime() && last === undefined) {
    for await (const event of follow(service, outcome.id, after, deadline)) {
      if (after !== '' && !comesAfter(event.id, after)) outcome.twice = true;
      after = event.id;
      if (event.name === 'started') outcome.startsMs.push(Date.now());
      if (LAST.has(event.name)) last = event;
    }
    if (last === undefined) await delay(RETRY_MS);
  }
  if (last === undefined) return outcome;
  if (last.name !== 'completed') {
    outcome.error = last.error ?? last.name;
    return outcome;
  }
  while (isTime() && outcome.sha256 === undefined) {
    const answer = await tryOnce(`${service.httpUrl}/v1/generations/${outcome.id}/images/0`, {});
    if (answer?.status === 200) outcome.sha256 = createHash('sha256').update(answer.bytes).digest('hex');
    else await delay(RETRY_MS);
  }
  return outcome;
}

/** The whole story of a job, read from its start after all is over. */
export async function historyOf(service, id, deadline) {
  let ends = 0;
  let completions = 0;
  let attempts = 0;
  let expectedStep = 1;
  let isInOrder = true;
  for (let hasEnded = false; Date.now() < deadline; ) {
    for await (const event of followByHttp(service, id, '', deadline)) {
      if (event.name === 'started') {
        if (event.data.attempt !== attempts + 1) isInOrder = false;
        attempts = event.data.attempt;
        expectedStep = 1;
      }
      if (event.name === 'step') {
        if (event.data.step !== expectedStep || event.data.attempt !== attempts) isInOrder = false;
        expectedStep += 1;
      }
      if (event.name === 'completed') {
        completions += 1;
        if (event.data.result.images.length !== 1 || expectedStep !== event.data.result.request.steps + 1)
          isInOrder = false;
      }
      if (hasEnded) isInOrder = false;
      if (LAST.has(event.name)) {
        ends += 1;
        hasEnded = true;
      }
    }
    if (hasEnded) return { hasEnded, ends, completions, attempts, isInOrder };
    [ends, completions, attempts, expectedStep, isInOrder] = [0, 0, 0, 1, true];
    await delay(RETRY_MS);
  }
  return { hasEnded: false, ends, completions, attempts, isInOrder };
}

/** An answer with its body, or undefined where there was none that can be trusted. */
async function tryOnce(url, options) {
  try {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(ANSWER_MS) });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, bytes, json: isJson ? JSON.parse(bytes.toString()) : undefined };
  } catch {
    return undefined;
  }
}

/** Events until the stream ends or breaks. */
async function* followByHttp(service, id, after, deadline) {
  const signal = AbortSignal.timeout(Math.max(1, deadline - Date.now()));
  let rest = '';
  try {
    const headers = after === '' ? {} : { 'last-event-id': after };
    const response = await fetch(`${service.httpUrl}/v1/generations/${id}/events`, { headers, signal });
    if (response.status !== 200) return;
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      rest += text;
      const blocks = rest.split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(
          block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        );
        if (fields.data === undefined) continue;
        const data = JSON.parse(fields.data);
        yield { id: fields.id, name: fields.event, data, error: data.error?.code };
      }
    }
  } catch {
    // Broken off; the caller resumes.
  }
}

async function* followByGrpc(service, id, after, deadline) {
  const client = openGrpcClient(service.grpcAddress);
  try {
    for await (const message of client.events('Watch', { id, resume_token: after }, { deadline: new Date(deadline) })) {
      if (message.image_chunk !== undefined) continue;
      const name = ['queued', 'started', 'step', 'preview', 'completed', 'failed', 'cancelled'].find(
        (kind) => message[kind],
      );
      yield { id: message.resume_token, name, data: message[name], error: message.failed?.error.code };
    }
  } catch {
    // Broken off; the caller resumes.
  } finally {
    client.close();
  }
}

function comesAfter(id, other) {
  const [[time, sequence], [otherTime, otherSequence]] = [id, other].map((text) => text.split('-').map(Number));
  return time === otherTime ? sequence > otherSequence : time > otherTime;
}
