import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { registerBodyDeadline } from '../../../../src/http/plugins/body-deadline.ts';

/** Real sockets, and deadlines of a fraction of a second. */

const ARRIVAL_MS = 150;
const SILENCE_MS = 300;

let app: FastifyInstance;
let socket: Socket;
let received: string;
let isClosed: boolean;

beforeEach(async () => {
  app = Fastify({ forceCloseConnections: true });
  registerBodyDeadline(app, ['POST /file'], { arrivalMs: ARRIVAL_MS, silenceMs: SILENCE_MS });
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
  app.post('/json', async ({ body }) => body);
  app.post('/file', async ({ body }) => {
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) bytes += piece.length;
    return { bytes };
  });
  app.get('/slow', async () => {
    await delay(3 * ARRIVAL_MS);
    return { slow: true };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  socket = connect(Number(typeof address === 'object' ? address?.port : 0), '127.0.0.1');
  [received, isClosed] = ['', false];
  socket.on('data', (data) => {
    received += data;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
});

afterEach(async () => {
  socket.destroy();
  await app.close();
});

const head = (line: string, type: string, length: number) =>
  `${line} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

test('half a body of JSON does not hold its connection', async () => {
  socket.write(`${head('POST /json', 'application/json', 100)}{"half":`);
  await delay(3 * ARRIVAL_MS);
  expect(isClosed).toBe(true);
});

test('a file may take longer than JSON as long as something comes, and is given up when nothing does', async () => {
  socket.write(head('POST /file', 'application/octet-stream', 8));
  for (let piece = 0; piece < 7; piece++) {
    socket.write('x');
    await delay(ARRIVAL_MS / 2);
  }
  expect(isClosed).toBe(false);
  socket.write('x');
  await delay(ARRIVAL_MS);
  expect(received).toContain('{"bytes":8}');
  socket.write(`${head('POST /file', 'application/octet-stream', 8)}half`);
  await delay(3 * SILENCE_MS);
  expect(isClosed).toBe(true);
});

test('an empty body is whole, however long its answer takes', async () => {
  socket.write(head('GET /slow', 'application/json', 0));
  await delay(5 * ARRIVAL_MS);
  expect(received).toContain('{"slow":true}');
  expect(isClosed).toBe(false);
});
