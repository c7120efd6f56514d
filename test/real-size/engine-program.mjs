/** The engine's own program as a child: started, asked for pictures, watched from outside. */

import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, '../../dist/main/engine.js');

/** Resolves when the engine is ready. `onLoading` is given what it says of its start. */
export async function startEngine({ model, loras, onLoading }) {
  const env = { ...process.env, OVERTONE_MODEL: model, OVERTONE_LORAS: loras, OVERTONE_LOG_LEVEL: 'warn' };
  const child = fork(PROGRAM, [], { env, serialization: 'advanced', stdio: ['ignore', 2, 2, 'ipc'] });
  const inbox = [];
  let notify = () => {};
  const put = (message) => {
    inbox.push(message);
    notify();
  };
  child.on('message', put);
  child.once('exit', (code, signal) => put({ type: 'exit', code, signal }));

  /** The next message that the engine has not ended with. */
  async function receive() {
    while (inbox.length === 0) {
      await new Promise((wake) => {
        notify = wake;
      });
    }
    const message = inbox.shift();
    const isEnd = ['exit', 'unready', 'failed'].includes(message.type);
    if (isEnd) throw new Error(`the engine ended with ${JSON.stringify(message)}`);
    return message;
  }

  for (;;) {
    const message = await receive();
    if (message.type === 'loading') onLoading(message);
    if (message.type === 'ready') return engine(child, message.model, receive);
  }
}

function engine(child, model, receive) {
  let runs = 0;
  return {
    model,
    memory: () => residentMemory(child.pid),
    /** The picture and the last event of one request. */
    async generate(request) {
      const run = String(runs++);
      child.send({ type: 'run', run, jobId: run, request });
      let image;
      let done;
      for (;;) {
        const { type, event } = await receive();
        if (type === 'event' && event.type === 'image') image = event;
        if (type === 'event' && event.type === 'done') done = event;
        if (type === 'finished') return { image, done };
      }
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.send({ type: 'shutdown' });
      await gone;
    },
  };
}

/** Bytes, from Linux' own account. `files`: how much of what is resident now is mapped files, which the system can take back. */
function residentMemory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (key) => 1024 * Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
  return { peak: bytes('VmHWM'), now: bytes('VmRSS'), files: bytes('RssFile') };
}
