import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { InputError } from '../core/problem.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Running } from './program.ts';

/**
 * A redis-server of our own: a child process on a unix socket that only this user can open, with its data in a folder. It is
 * started again when it dies, loses no acknowledged write when it is killed, and never outlives the process that started it.
 */
export interface PrivateRedis extends Running {
  /** The path of its socket. */
  readonly url: string;
  readonly pid: () => number | undefined;
}

const START_MS = 10_000;
const STOP_MS = 5000;
const RESTART_MS = 300;
/** The previous owner of the folder may just be stopping. */
const IN_USE_MS = 2000;
/** `sun_path` of a unix socket address, without its final zero. */
const SOCKET_PATH_BYTES = 107;

export async function startPrivateRedis(options: {
  /** Made if it is not there; mode 0700. */
  readonly directory: string;
  readonly logger: Logger;
}): Promise<PrivateRedis> {
  const { logger } = options;
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const program = findRedisServer();
  const url = socketAddress(join(directory, SOCKET));
  await refuseSharedFolder(url, directory);

  let isClosing = false;
  let child = launch(program, directory, logger);
  const superviseChild = () => {
    child.once('exit', async (code, signal) => {
      if (isClosing) return;
      logger.error({ code, signal }, 'Redis died; starting it again');
      await delay(RESTART_MS);
      if (isClosing) return;
      child = launch(program, directory, logger);
      superviseChild();
    });
  };
  await answering(url, child);
  superviseChild();
  return {
    url,
    pid: () => child.pid,
    async close() {
      isClosing = true;
      await stop(child);
    },
  };
}

const SOCKET = 'redis.sock';

/**
 * Starts Redis so that it dies with us, even where we are killed: a shell becomes Redis, after leaving behind a `cat` that reads a
 * pipe of which we hold the other end, and that sends Redis away once the pipe closes.
 */
const SHELL = '(cat <&3 >/dev/null; kill -TERM $$) 2>/dev/null & exec "$0" "$@" 3<&-';

function launch(program: string, directory: string, logger: Logger): ChildProcess {
  const settings = {
    port: '0',
    unixsocket: SOCKET,
    unixsocketperm: '700',
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    // An accepted job must never be thrown away to make room for another.
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('sh', ['-c', SHELL, program, ...flags], {
    // A process group of its own: Ctrl-C in a terminal must not take Redis away while a worker still hands back its jobs.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => logger.debug({ redis: text.trim() }, 'Redis says'));
  }
  // Ended and not destroyed: the other end then closes when the watcher has gone, and with it the child's `close` event comes.
  const pipe = child.stdio[3];
  child.once('exit', () => pipe !== null && pipe !== undefined && 'end' in pipe && pipe.end());
  return child;
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await ping(url))) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop(child);
      throw new Error('redis-server does not start; OVERTONE_LOG_LEVEL=debug shows what it says');
    }
    await delay(5);
  }
}

/** Until Redis and the shell that watches over it have both gone. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}

/** Two servers on one folder would each write over the other's data. */
async function refuseSharedFolder(url: string, directory: string): Promise<void> {
  const deadline = Date.now() + IN_USE_MS;
  while (await ping(url)) {
    if (Date.now() > deadline) {
      const message = `another Overtone is running on ${directory}; stop it, or give this one its own OVERTONE_DATA`;
      throw new InputError([{ code: 'invalid_request', subject: 'OVERTONE_DATA', message }]);
    }
    await delay(100);
  }
}

/** Whether a Redis answers there that has loaded its data. */
function ping(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write('PING\r\n'));
    const answer = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(1000, () => answer(false));
    socket.on('data', (data) => answer(data.toString().startsWith('+PONG')));
    socket.on('error', () => answer(false));
    socket.on('end', () => answer(false));
  });
}

/** Paths of sockets may not be long; from where we are it is often shorter. */
function socketAddress(path: string): string {
  const here = `./${relative(process.cwd(), path)}`;
  const address = here.length < path.length ? here : path;
  if (Buffer.byteLength(address) <= SOCKET_PATH_BYTES) return address;
  const message = `OVERTONE_DATA leads to the socket ${path}, whose path is too long for the system; use a shorter one`;
  throw new InputError([{ code: 'invalid_request', subject: 'OVERTONE_DATA', message }]);
}

/** On PATH, or where the set-up step has put it. */
function findRedisServer(): string {
  const own = fileURLToPath(new URL('../../.overtone/redis/redis-server', import.meta.url));
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'));
  const found = [...onPath, own].find(isExecutable);
  if (found !== undefined) return found;
  const message = 'redis-server is neither on PATH nor in .overtone/redis; run `node setup.mjs`, or set REDIS_URL';
  throw new InputError([{ code: 'invalid_request', subject: 'REDIS_URL', message }]);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
