#!/usr/bin/env node
/**
 * The first word of `npm run demo`, `npm start` and `npm test`: makes sure that the packages, Redis and the build are there, says
 * what it does, and does nothing twice. Plain JavaScript with `node:` modules only, because it runs before node_modules exists;
 * it needs no git. Where something cannot be had it says what is missing and what to type, and exits with 1.
 *
 *   node setup.mjs [--for serve|demo|test]
 */
import { build } from './setup/build.mjs';
import { withLock } from './setup/lock.mjs';
import { packages } from './setup/packages.mjs';
import { redis } from './setup/redis.mjs';
import { say } from './setup/say.mjs';
import { SetupProblem } from './setup/setup-problem.mjs';

/** The oldest Node that every dependency was run on: the `engines` of package.json. */
const OLDEST_NODE = [20, 19];

const PURPOSES = ['serve', 'demo', 'test'];

async function setUp() {
  checkNode();
  const purpose = readPurpose();
  // Only `npm start` lets REDIS_URL stand in for a Redis of its own: demo and tests start private ones and must find the program.
  const needed = purpose === 'serve' && process.env.REDIS_URL ? [packages, build] : [packages, redis, build];
  if (needed.every((step) => step.isDone())) return;
  await withLock(async () => {
    // Asked again under the lock: another set-up may have done it in the meantime, and one step may undo the next one.
    for (const step of needed) if (!step.isDone()) await step.run();
  });
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new SetupProblem(
    `Node ${process.versions.node} is too old; Overtone needs ${OLDEST_NODE.join('.')} or newer`,
    'install a current Node (https://nodejs.org/en/download) and run this again',
  );
}

function readPurpose() {
  const [option = '--for', purpose = 'serve', ...rest] = process.argv.slice(2);
  if (option === '--for' && PURPOSES.includes(purpose) && rest.length === 0) return purpose;
  throw new SetupProblem(
    `the set-up does not know '${process.argv.slice(2).join(' ')}'`,
    `node setup.mjs --for ${PURPOSES.join('|')}`,
  );
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof SetupProblem)) throw error;
  say(`cannot go on: ${error.message}`);
  say(`what to do:    ${error.remedy}`);
  process.exitCode = 1;
}
