/**
 * 200 watchers of 50 jobs by server-sent events, at 10,000 events a second over all of them: 2,500 are written a second, and four watch
 * each. The writer and the watchers are this process, the gateway is another. A watcher that is cut off resumes, as every client does.
 */
import { connect } from 'node:net';
import { eventsKey } from '../../dist/contract/redis-keys.js';
import { quantiles } from './overhead.mjs';

const JOBS = 50;
const WATCHERS_A_JOB = 4;
const WRITTEN_A_SECOND = 2500;
const TICK_MS = 10;

/** Latencies in milliseconds, and how many events came, were missing, or came out of order. */
export async function benchWatchers({ port, connection, admit, seconds }) {
  const ids = [];
  for (let index = 0; index < JOBS; index++) ids.push(await admit(index));
  const latencies = [];
  const watchers = ids.flatMap((id) => Array.from({ length: WATCHERS_A_JOB }, () => watch(port, id, latencies)));
  await new Promise((resolve) => setTimeout(resolve, 1000));

  const counts = new Array(JOBS).fill(0);
  const start = performance.now();
  let written = 0;
  for (let tick = 1; tick * TICK_MS <= seconds * 1000; tick++) {
    const due = Math.floor((tick * TICK_MS * WRITTEN_A_SECOND) / 1000);
    const batch = connection.pipeline();
    for (; written < due; written++) {
      const job = written % JOBS;
      counts[job] += 1;
      const event = {
        type: 'step',
        attempt: 1,
        image: 0,
        step: counts[job],
        steps: 1e6,
        leader: null,
        at: performance.now(),
      };
      batch.xadd(eventsKey(ids[job]), 'MAXLEN', '~', 10_000, '*', 'event', JSON.stringify(event));
    }
    await batch.exec();
    const ahead = start + tick * TICK_MS - performance.now();
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
  }
  const took = (performance.now() - start) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 3000));
  for (const watcher of watchers) watcher.stop();
  const expected = counts.reduce((sum, count) => sum + count, 0) * WATCHERS_A_JOB;
  return {
    perSecond: Math.round(expected / took),
    expected,
    missing: expected - watchers.reduce((sum, watcher) => sum + watcher.count(), 0),
    disordered: watchers.reduce((sum, watcher) => sum + watcher.disordered(), 0),
    latency: quantiles(latencies),
  };
}

/** Raw sockets, so that the watchers take as little of the machine as they can. */
function watch(port, id, latencies) {
  let last = 0;
  let disordered = 0;
  let rest = '';
  const socket = connect(port, '127.0.0.1', () =>
    socket.write(`GET /v1/generations/${id}/events HTTP/1.1\r\nhost: bench\r\n\r\n`),
  );
  socket.setEncoding('latin1');
  socket.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: {"type":"step"')) continue;
      const { step, at } = JSON.parse(line.slice(6));
      if (step !== last + 1) disordered += 1;
      last = step;
      latencies.push(performance.now() - at);
    }
  });
  socket.on('error', () => {});
  return { count: () => last, disordered: () => disordered, stop: () => socket.destroy() };
}
