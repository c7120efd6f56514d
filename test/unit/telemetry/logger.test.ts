import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogger } from '../../../src/telemetry/logger.ts';

function loggerTo(lines: string[]) {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return createLogger({ program: 'test', level: 'info', destination });
}

test('secrets and prompts are blotted out, wherever they stand', () => {
  const lines: string[] = [];
  const logger = loggerTo(lines);
  logger.info({ authorization: 'hunter2', job: 'j' }, 'a');
  logger.info({ headers: { authorization: 'hunter2' } }, 'b');
  logger.info({ request: { prompt: 'hunter2', negative_prompt: 'hunter2', steps: 3 } }, 'c');
  logger.info({ req: { headers: { authorization: 'hunter2' } }, settings: { adminKey: 'hunter2' } }, 'd');
  logger.child({ apiKey: 'hunter2' }).info('e');
  expect(lines).toHaveLength(5);
  expect(lines.join('')).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ job: 'j', program: 'test', msg: 'a' });
  expect(JSON.parse(lines[2] ?? '').request.steps).toBe(3);
});

test('a command that Redis refused is logged by its name, without what it would have written', () => {
  const lines: string[] = [];
  const error = Object.assign(new Error('OOM command not allowed'), {
    command: { name: 'evalsha', args: ['a job', '{"prompt":"hunter2"}'] },
  });
  loggerTo(lines).error({ err: error }, 'cannot write');
  const { err } = JSON.parse(lines[0] ?? '');
  expect(err).toMatchObject({ type: 'Error', message: 'OOM command not allowed', command: 'evalsha' });
  expect(err.stack).toContain('logger.test.ts');
  expect(lines.join('')).not.toContain('hunter2');
});
