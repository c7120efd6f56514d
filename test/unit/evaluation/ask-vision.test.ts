import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askVision } from '../../../src/evaluation/ask-vision.ts';

/** A real HTTP server in the place of the vision endpoint, which is somebody else's service. */

interface Asked {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: { readonly model: string; readonly messages: readonly { readonly content: readonly Part[] }[] };
}
type Part = { readonly type: string; readonly text?: string; readonly image_url?: { readonly url: string } };
type Answer = { readonly status?: number; readonly text: string } | 'silence';

let server: Server;
let asked: Asked[];
/** What the server says, one after the other; the last for ever. */
let answers: Answer[];

beforeEach(async () => {
  asked = [];
  server = createServer(async (request, response) => {
    asked.push({
      path: request.url,
      authorization: request.headers.authorization,
      body: JSON.parse(await textOf(request)),
    });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined || answer === 'silence') return;
    response.statusCode = answer.status ?? 200;
    response.end(answer.text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

const marks = (value: number) => ({ integration: value, consistency: value, accuracy: value, quality: value });
const said = (content: string): Answer => ({ text: JSON.stringify({ choices: [{ message: { content } }] }) });
const good = said(`Here:\n\`\`\`json\n${JSON.stringify({ picture_1: marks(7.5), picture_2: marks(4) })}\n\`\`\``);
const question = {
  elements: [{ category: 'character', features: 'zormik, brown bear' }],
  first: Buffer.from('one'),
  second: Buffer.from('two'),
};

function ask(options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {}) {
  const { port } = server.address() as AddressInfo;
  const endpoint = { url: `http://127.0.0.1:${port}/v1/`, key: 'secret', model: 'seer' };
  const { signal = new AbortController().signal, timeoutMs = 5000 } = options;
  return askVision(endpoint, question, signal, { timeoutMs, pauseMs: 1 });
}

test('asks with both pictures and the elements, and reads marks out of the words around them', async () => {
  answers = [good];
  expect(await ask()).toEqual({ first: marks(7.5), second: marks(4) });
  const [{ path, authorization, body } = { path: '', authorization: '', body: { model: '', messages: [] } }] = asked;
  expect({ path, authorization, model: body.model }).toEqual({
    path: '/v1/chat/completions',
    authorization: 'Bearer secret',
    model: 'seer',
  });
  const content = body.messages[0]?.content ?? [];
  expect(content[0]?.text).toContain('character: zormik, brown bear');
  expect(content.slice(1).map((part) => part.image_url?.url)).toEqual([
    `data:image/png;base64,${question.first.toString('base64')}`,
    `data:image/png;base64,${question.second.toString('base64')}`,
  ]);
});

describe('asks again', () => {
  test.each([
    ['that it is busy', { status: 429, text: 'slow down' } as const],
    ['that it is broken', { status: 503, text: 'oops' } as const],
    ['no marks', said('Both are lovely.')],
    ['marks out of range', said(JSON.stringify({ picture_1: marks(11), picture_2: marks(4) }))],
  ])('after an answer of %s', async (_, bad) => {
    answers = [bad, good];
    expect(await ask()).toEqual({ first: marks(7.5), second: marks(4) });
    expect(asked).toHaveLength(2);
  });
});

test('gives up after three tries, and repeats what was said', async () => {
  answers = [said('Both are lovely.')];
  await expect(ask()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(
      /^the vision judge at 127\.0\.0\.1:\d+ gives no marks that can be read: Both are lovely/,
    ),
  });
  expect(asked).toHaveLength(3);
});

test('does not ask again where the key is wrong', async () => {
  answers = [{ status: 401, text: 'no such key' }];
  await expect(ask()).rejects.toThrow('answers 401; is OVERTONE_VISION_KEY right?: no such key');
  expect(asked).toHaveLength(1);
});

test('does not wait for ever', async () => {
  answers = ['silence'];
  await expect(ask({ timeoutMs: 30 })).rejects.toThrow('does not answer in time');
});

test('reads no more than an answer can have', async () => {
  answers = [{ text: 'x'.repeat(200_000) }];
  await expect(ask()).rejects.toThrow('the answer is longer than 65536 characters');
});

test('stops when it is told to', async () => {
  answers = ['silence'];
  const abort = new AbortController();
  const answer = ask({ signal: abort.signal });
  setImmediate(() => abort.abort(new Error('interrupted')));
  await expect(answer).rejects.toThrow('interrupted');
});
