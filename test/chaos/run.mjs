/**
 * `npm run chaos -- --rounds N [--jobs 20] [--steps 40] [--victims engine,worker,gateway,redis] [--seed N] [--json]`: a gateway, a
 * worker with its engine and a Redis, of which one after another is killed with SIGKILL at random moments, while clients submit, watch
 * and fetch as clients do that can lose a connection: they send an idempotency key, try again, and resume their events. Every picture is
 * compared with one that was made undisturbed, and every history is read again from its start. Ctrl-C ends it after the round that is
 * under way. Ends with one line of JSON:
 *
 *   accepted    jobs that a client was told are accepted
 *   lost        of those, jobs that are unknown afterwards, or have not ended
 *   doubled     jobs that ended twice or sent an event twice, and jobs that nobody asked for twice
 *   mixed       jobs whose picture is not that of their request, or whose steps do not follow one another
 *   unanswered  clients that got neither a picture nor a true error in time
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { parseSettings } from '../../dist/config/settings.js';
import { recordKey } from '../../dist/contract/redis-keys.js';
import { connectRedis } from '../../dist/main/connect-redis.js';
import { startPrivateRedis } from '../../dist/main/private-redis.js';
import { createLogger } from '../../dist/telemetry/logger.js';
import { engineOf, freePort, isReady, keepRunning, until } from '../support/programs.mjs';
import { generateThroughIt, historyOf } from './client.mjs';

const GOLDEN = join(import.meta.dirname, '../golden');
const LORAS = ['kohya-attention-r4', 'peft-attention-r8', 'legacy-cross-attention-r2'];
const VICTIMS = ['engine', 'worker', 'gateway', 'redis'];
const KILLS_A_ROUND = 3;
/** Jobs and kills come within this share of the time that the jobs took one after another: while there is something to kill. */
const BUSY = { share: 0.5, leastMs: 3000, mostMs: 20_000 };
const ANSWER_MS = 120_000;
const END_MS = 60_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    jobs: { type: 'string', default: '20' },
    steps: { type: 'string', default: '40' },
    victims: { type: 'string', default: VICTIMS.join(',') },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const jobs = Number(values.jobs);
const steps = Number(values.steps);
const victims = values.victims.split(',');
const strangers = victims.filter((name) => !VICTIMS.includes(name));
if (strangers.length > 0)
  throw new Error(`--victims has ${strangers.join(', ')}; must be some of ${VICTIMS.join(', ')}`);
const random = randomFrom(Number(values.seed));
const say = (text) => (values.json ? process.stderr : process.stdout).write(`${text}\n`);
const logger = createLogger({ program: 'chaos', level: process.env.OVERTONE_LOG_LEVEL ?? 'silent' });

let isEnough = false;
process.once('SIGINT', () => {
  isEnough = true;
});

const data = mkdtempSync(join(tmpdir(), 'overtone-chaos-'));
try {
  const totals = await run();
  process.stdout.write(`${JSON.stringify(totals)}\n`);
  const { lost, doubled, mixed, unanswered } = totals;
  process.exitCode = lost + doubled + mixed + unanswered === 0 ? 0 : 1;
} finally {
  rmSync(data, { recursive: true, force: true });
}
process.exit();

async function run() {
  const loras = join(data, 'loras');
  await mkdir(loras);
  for (const name of LORAS) await cp(join(GOLDEN, 'loras', `${name}.safetensors`), join(loras, `${name}.safetensors`));
  const redis = await startPrivateRedis({ directory: join(data, 'redis-data'), logger });
  const connection = connectRedis({ url: redis.url, use: 'patient', logger });
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const settings = parseSettings(
    {
      OVERTONE_DATA: data,
      OVERTONE_MODEL: join(GOLDEN, 'checkpoint'),
      OVERTONE_LORAS: loras,
      OVERTONE_HTTP_PORT: String(httpPort),
      OVERTONE_GRPC_PORT: String(grpcPort),
      OVERTONE_THREADS: '1',
      OVERTONE_LOG_LEVEL: process.env.OVERTONE_LOG_LEVEL ?? 'silent',
      REDIS_URL: redis.url,
    },
    [],
  );
  const worker = keepRunning('worker', settings);
  const gateway = keepRunning('gateway', settings);
  const service = {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    grpcAddress: `127.0.0.1:${grpcPort}`,
    connection,
    kill: {
      engine: () => killPid(engineOf(worker.pid())),
      worker: () => worker.kill(),
      gateway: () => gateway.kill(),
      redis: () => killPid(redis.pid()),
    },
  };
  try {
    await until('the service is ready', () => isReady(service.httpUrl));
    const start = Date.now();
    const expected = await undisturbed(service);
    const busyMs = Math.min(Math.max((Date.now() - start) * BUSY.share, BUSY.leastMs), BUSY.mostMs);
    const totals = { rounds: 0, accepted: 0, lost: 0, doubled: 0, mixed: 0, unanswered: 0 };
    const recoveries = [];
    for (let round = 1; round <= rounds && !isEnough; round++) {
      const found = await playRound(service, expected, busyMs);
      totals.rounds += 1;
      for (const name of ['accepted', 'lost', 'doubled', 'mixed', 'unanswered']) totals[name] += found[name];
      recoveries.push(...found.recoveriesMs);
      say(`round ${round}: ${found.kills.join(', ')}; ${describe(found)}`);
    }
    recoveries.sort((a, b) => a - b);
    if (recoveries.length > 0) {
      const [middle, worst] = [recoveries[Math.floor(recoveries.length / 2)], recoveries.at(-1)];
      say(
        `a job whose worker alone was killed ran again after ${middle} ms (median of ${recoveries.length}), ${worst} ms at most`,
      );
    }
    return totals;
  } finally {
    await Promise.all([worker.stop(), gateway.stop()]);
    connection.disconnect();
    await redis.close();
  }
}

/** The picture of every request, made one at a time with nothing in its way. */
async function undisturbed(service) {
  const expected = [];
  for (let index = 0; index < jobs; index++) {
    const request = requestOf(index);
    const outcome = await generateThroughIt(service, { request, key: randomUUID(), deadline: Date.now() + ANSWER_MS });
    if (outcome.sha256 === undefined) throw new Error(`request ${index} fails undisturbed: ${JSON.stringify(outcome)}`);
    expected.push(outcome.sha256);
  }
  if (new Set(expected).size !== jobs)
    throw new Error('two requests have the same picture: nothing could be told apart');
  return expected;
}

function requestOf(index) {
  const loras = LORAS.slice(0, index % 4).map((id, at) => ({ id, weight: 0.5 + 0.25 * at }));
  const composition = loras.length > 1 ? { method: ['merge', 'switch', 'cmlora'][index % 3] } : { method: 'merge' };
  return {
    prompt: `a harbour, number ${index}`,
    width: 64,
    height: 64,
    steps: steps + (index % 4),
    seed: index,
    loras,
    composition,
  };
}

async function playRound(service, expected, busyMs) {
  const before = new Set(await recordsOf(service.connection));
  const kills = [];
  const killing = Promise.all(
    Array.from({ length: 1 + Math.floor(random() * KILLS_A_ROUND) }, async () => {
      await delay(random() * busyMs);
      const victim = victims[Math.floor(random() * victims.length)];
      service.kill[victim]();
      kills.push({ victim, at: Date.now() });
    }),
  );
  const outcomes = await Promise.all(
    expected.map(async (_, index) => {
      await delay(random() * busyMs);
      const door = index % 4 === 3 ? 'grpc' : 'http';
      return generateThroughIt(service, {
        request: requestOf(index),
        key: randomUUID(),
        deadline: Date.now() + ANSWER_MS,
        door,
      });
    }),
  );
  await killing;
  await until('the service is whole again', () => isReady(service.httpUrl));
  return { kills: kills.map(({ victim }) => victim), ...(await judge(service, { outcomes, expected, kills, before })) };
}

async function judge(service, { outcomes, expected, kills, before }) {
  const accepted = outcomes.filter(({ id }) => id !== undefined);
  const found = {
    accepted: accepted.length,
    lost: 0,
    doubled: 0,
    mixed: 0,
    unanswered: 0,
    failed: 0,
    attempts: 0,
    recoveriesMs: [],
  };
  for (const [index, outcome] of outcomes.entries()) {
    const { id, sha256, error, twice, startsMs } = outcome;
    if (sha256 === undefined && error === undefined) found.unanswered += 1;
    if (error !== undefined) found.failed += 1;
    if (error !== undefined) say(`  job ${id} failed: ${error}`);
    if (id === undefined) continue;
    const history = await historyOf(service, id, Date.now() + END_MS);
    if (!history.hasEnded) found.lost += 1;
    if (history.ends > 1 || history.completions > 1 || twice) found.doubled += 1;
    if ((sha256 !== undefined && sha256 !== expected[index]) || !history.isInOrder) found.mixed += 1;
    if (!history.hasEnded || !history.isInOrder || history.ends > 1) say(`  job ${id}: ${JSON.stringify(history)}`);
    found.attempts += history.attempts;
    if (kills.length === 1 && kills[0].victim === 'worker') {
      found.recoveriesMs.push(
        ...startsMs
          .slice(1)
          .map((at) => at - kills[0].at)
          .filter((ms) => ms > 0),
      );
    }
  }
  const asked = new Set(accepted.map(({ id }) => recordKey(id)));
  const strays = (await recordsOf(service.connection)).filter((key) => !before.has(key) && !asked.has(key));
  found.doubled += strays.length;
  return found;
}

async function recordsOf(connection) {
  const keys = new Set();
  let cursor = '0';
  do {
    const [next, page] = await connection.scan(cursor, 'MATCH', recordKey('*'), 'COUNT', 1000);
    for (const key of page) keys.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...keys];
}

function describe({ accepted, lost, doubled, mixed, unanswered, failed, attempts }) {
  return `${accepted} accepted in ${attempts} attempts, ${failed} failed, ${lost} lost, ${doubled} doubled, ${mixed} mixed, ${unanswered} unanswered`;
}

function killPid(pid) {
  try {
    if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** mulberry32: the same seed kills the same parts at the same moments, as far as the machine keeps time. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
