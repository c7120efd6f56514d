import { expect, test } from 'vitest';
import type { BlobFiles } from '../../../src/store/blob-files.ts';
import type { EngineProcess } from '../../../src/worker/engine-process.ts';
import { withLoraFiles } from '../../../src/worker/lora-leases.ts';
import { ACCEPTED_JOB } from '../../support/accepted-job.ts';

const NEVER = new AbortController().signal;

/** Files that are there, with those that are leased at this moment. */
function shelf(there: readonly string[]) {
  const leased: string[] = [];
  const files: BlobFiles = {
    async lease(sha256) {
      if (sha256 === 'away') throw new Error('ECONNREFUSED');
      if (!there.includes(sha256)) return undefined;
      leased.push(sha256);
      return { path: `/files/${sha256}`, release: () => leased.splice(leased.indexOf(sha256), 1) };
    },
    bytes: () => 0,
  };
  return { files, leased };
}

/** An engine that tells what it was given, and then does as it is told. */
function engine(end: () => void = () => {}) {
  const seen: unknown[] = [];
  const program = {
    async *run(_id: string, { files }: { readonly files: unknown }) {
      seen.push(files);
      yield { type: 'step' };
      end();
    },
    async *profile(_order: unknown, files: unknown) {
      seen.push(files);
      yield { type: 'measured' };
    },
  };
  return { engine: program as unknown as EngineProcess, seen };
}

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

test('a run brings the paths of its uploaded LoRAs, which are leased for as long as it goes on', async () => {
  const { files, leased } = shelf(['aa', 'bb']);
  const { engine: program, seen } = engine(() => expect(leased).toEqual(['aa', 'bb']));
  const job = { ...ACCEPTED_JOB, stored_loras: ['aa', 'bb'] };
  await drain(withLoraFiles(program, files).run('job', job, NEVER));
  expect(seen).toEqual([{ aa: '/files/aa', bb: '/files/bb' }]);
  expect(leased).toEqual([]);
});

test('leases are given back where the engine fails, and where a consumer stops early', async () => {
  const { files, leased } = shelf(['aa']);
  const job = { ...ACCEPTED_JOB, stored_loras: ['aa'] };
  const failing = engine(() => {
    throw new Error('died');
  });
  await expect(drain(withLoraFiles(failing.engine, files).run('job', job, NEVER))).rejects.toThrow('died');
  for await (const _ of withLoraFiles(engine().engine, files).run('job', job, NEVER)) break;
  expect(leased).toEqual([]);
});

test('a file that is lost is the job’s end, and one that cannot be had now is a reason to try again', async () => {
  const { files, leased } = shelf(['aa']);
  const run = (stored_loras: readonly string[]) =>
    drain(withLoraFiles(engine().engine, files).run('job', { ...ACCEPTED_JOB, stored_loras }, NEVER));
  await expect(run(['aa', 'lost'])).rejects.toMatchObject({ code: 'lora_not_found' });
  await expect(run(['aa', 'away'])).rejects.toMatchObject({ code: 'storage_unavailable' });
  expect(leased).toEqual([]);
});

test('a LoRA to be measured is looked for among the files, and may lie in the folder', async () => {
  const { files } = shelf(['aa']);
  const { engine: program, seen } = engine();
  const measured = withLoraFiles(program, files);
  for (const sha256 of ['aa', 'folder']) {
    const order = { model_sha256: 'm', lora: { id: 'x', sha256 }, settings: {} as never, again: false };
    await drain(measured.profile(order, NEVER));
  }
  expect(seen).toEqual([{ aa: '/files/aa' }, {}]);
});
