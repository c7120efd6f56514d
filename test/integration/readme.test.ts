import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSettings } from '../../src/config/settings.ts';
import { withDefaultModel } from '../../src/main/default-model.ts';
import { type LocalService, startLocalService } from '../../src/main/local-service.ts';

/** README's commands, pasted: every `sh` block that talks to a running service or makes a picture does what README says. */

const ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Blocks that a test can run; the others start or deploy things, or are the test suite itself. */
const COMMANDS = [...README.matchAll(/```sh\n(.*?)```/gs)]
  .map(([, block = '']) => block)
  .filter((block) => /curl|grpc-client|overtone generate/.test(block));

/** A machine with nothing but Node has no curl. */
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let folder: string;
let service: LocalService;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'overtone-readme-'));
  // The project under another roof, so that what the commands write does not land in it.
  for (const name of readdirSync(ROOT).filter((entry) => !['.git', 'out', '.overtone'].includes(entry))) {
    symlinkSync(join(ROOT, name), join(folder, name));
  }
  const ports = ['--http-port', '0', '--grpc-port', '0', '--log-level', 'silent'];
  const settings = withDefaultModel(parseSettings({}, ['--data', join(folder, '.overtone'), ...ports]));
  service = await startLocalService({ settings, logger: pino({ level: 'silent' }) });
  await service.ready;
});

afterAll(async () => {
  await service?.close();
  rmSync(folder, { recursive: true, force: true });
});

test.runIf(hasCurl)('the commands of README work, one after the other', async () => {
  const script = COMMANDS.join('\n')
    .replaceAll('http://127.0.0.1:8080', service.httpUrl)
    .replaceAll('127.0.0.1:50051', service.grpcAddress)
    .replaceAll('curl -s', 'curl -s --fail-with-body');
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: folder });
  expect(stdout).toContain('event: completed');
  expect(stdout).toContain('wrote picture-grpc.png');
  const isPng = (name: string) => readFileSync(join(folder, name)).subarray(1, 4).toString() === 'PNG';
  expect(['picture.png', 'picture-grpc.png', 'picture-cli.png'].map(isPng)).toEqual([true, true, true]);
});
