/**
 * How many generations a second one gateway accepts: raw requests over a few kept connections, so that the client costs little; real
 * Redis; no engine, only what a worker says of one. Prints a row for a plain request and one with LoRAs.
 */
import { connect } from 'node:net';
import { cpuSeconds } from '../support/programs.mjs';

const CONNECTIONS = 32;
const SECONDS = 5;

const REQUESTS = {
  'no LoRA': { prompt: 'a harbour in fog', width: 64, height: 64, steps: 3, seed: 7 },
  '2 LoRAs': {
    prompt: 'a harbour in fog',
    loras: [
      { id: 'kohya-attention-r4', weight: 0.8 },
      { id: 'peft-attention-r8', weight: 0.7 },
    ],
    composition: { method: 'merge' },
  },
};

/** Rows of `{ name, posts, gatewayMs, redisMs }`: accepted a second, and processor time for each. */
export async function benchPosts({ port, gatewayPid, redisPid, headers = '', seconds = SECONDS }) {
  const rows = [];
  for (const [name, body] of Object.entries(REQUESTS)) {
    await post({ port, body, headers, seconds: 1 });
    const before = [cpuSeconds(gatewayPid), cpuSeconds(redisPid)];
    const start = performance.now();
    const count = await post({ port, body, headers, seconds });
    const took = (performance.now() - start) / 1000;
    const used = [cpuSeconds(gatewayPid) - before[0], cpuSeconds(redisPid) - before[1]];
    rows.push({
      name,
      posts: Math.round(count / took),
      gatewayMs: (1000 * used[0]) / count,
      redisMs: (1000 * used[1]) / count,
    });
  }
  return rows;
}

async function post({ port, body, headers, seconds }) {
  const text = JSON.stringify(body);
  const request = `POST /v1/generations HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
  const deadline = performance.now() + seconds * 1000;
  const counts = await Promise.all(Array.from({ length: CONNECTIONS }, () => converse(port, request, deadline)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** One request after another on one connection, until the deadline. Anything but a 202 is an error. */
function converse(port, request, deadline) {
  return new Promise((resolve, reject) => {
    let count = 0;
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(received) ?? [];
      const end = received.indexOf('\r\n\r\n') + 4 + Number(length);
      if (length === undefined || received.length < end) return;
      if (!received.startsWith('HTTP/1.1 202')) return reject(new Error(received));
      count += 1;
      received = '';
      if (performance.now() < deadline) socket.write(request);
      else {
        socket.end();
        resolve(count);
      }
    });
  });
}
