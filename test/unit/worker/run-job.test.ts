import { pino } from 'pino';
import { expect, test } from 'vitest';
import { problemDetails, ServiceError } from '../../../src/contract/errors.ts';
import type { JournalEvent } from '../../../src/contract/job-event.ts';
import type { ModelDescriptor } from '../../../src/contract/model-descriptor.ts';
import type { PipelineEvent } from '../../../src/contract/pipeline-event.ts';
import type { StopReason } from '../../../src/queue/consumer.ts';
import type { Claim, JobEnd, JobJournal } from '../../../src/store/job-journal.ts';
import { EngineReplaced, RunFailure } from '../../../src/worker/engine-process.ts';
import { type RunJobEffects, runJob } from '../../../src/worker/run-job.ts';
import { createTurnstile } from '../../../src/worker/turnstile.ts';
import { ACCEPTED_JOB, OUTCOME } from '../../support/accepted-job.ts';

/** One turn of one job over fakes of its effects: what it publishes and how it settles every way in which a run can end. */

const MODEL = { id: 'tiny', sha256: 'aa', device: 'cpu' } as ModelDescriptor;
const PIXELS = new Uint8Array(3 * 8 * 8);

const STEP = { type: 'step', image: 0, step: 1, steps: 3, leader: null } as const satisfies PipelineEvent;
const IMAGE = {
  type: 'image',
  image: 0,
  seed: 0,
  width: 8,
  height: 8,
  pixels: PIXELS,
} as const satisfies PipelineEvent;
const { plan, passes } = OUTCOME;
const TIMINGS = { load_loras_ms: 0, encode_text_ms: 2, denoise_ms: 3, decode_ms: 4 };
const DONE = { type: 'done', plan, passes, timings: TIMINGS, warnings: ['cut'] } as const satisfies PipelineEvent;

interface Scene {
  readonly run?: (signal: AbortSignal) => AsyncGenerator<PipelineEvent, void, void>;
  readonly claim?: Partial<Claim>;
  readonly answer?: 'published' | 'cancel' | 'fenced';
  readonly crashesSoFar?: number;
  readonly isLastTry?: boolean;
  readonly signal?: AbortSignal;
  readonly store?: () => Promise<string>;
}

async function play(scene: Scene) {
  const published: JournalEvent[] = [];
  const ends: JobEnd[] = [];
  const blobs: Uint8Array[] = [];
  let releases = 0;
  const claim: Claim = {
    id: 'job',
    owner: 'local',
    attempt: 1,
    job: ACCEPTED_JOB,
    crashes: 0,
    queuedMs: 5,
    deadlineMs: undefined,
    ...scene.claim,
  };
  const journal = {
    claim: async () => claim,
    publish: async (_claim: Claim, event: JournalEvent) => {
      published.push(event);
      return scene.answer ?? 'published';
    },
    finish: async (_claim: Claim, end: JobEnd) => {
      ends.push(end);
      return true;
    },
    countCrash: async () => (scene.crashesSoFar ?? 0) + 1,
    release: async () => {
      releases++;
    },
  } as unknown as JobJournal;
  const effects: RunJobEffects = {
    journal,
    keepPicture: async (bytes) => {
      blobs.push(bytes);
      return scene.store === undefined ? 'sha' : await scene.store();
    },
    engine: {
      ready: async (signal) => {
        signal.throwIfAborted();
        return MODEL;
      },
      run: (_id, _request, signal) => (scene.run ?? happyRun)(signal),
    },
    turnstile: createTurnstile(),
    now: () => 0,
    logger: pino({ level: 'silent' }),
  };
  const signal = scene.signal ?? new AbortController().signal;
  const verdict = await runJob({ id: 'job', isLastTry: scene.isLastTry ?? false, signal }, effects);
  return { verdict, published, ends, blobs, releases };
}

async function* happyRun(): AsyncGenerator<PipelineEvent, void, void> {
  yield STEP;
  yield IMAGE;
  yield DONE;
}

function failingRun(error: Error) {
  return async function* (): AsyncGenerator<PipelineEvent, void, void> {
    yield STEP;
    throw error;
  };
}

/** Goes on until it is stopped, as an engine does. */
async function* endlessRun(signal: AbortSignal): AsyncGenerator<PipelineEvent, void, void> {
  for (;;) {
    yield STEP;
    signal.throwIfAborted();
  }
}

const crash = new ServiceError('engine_crashed', 'died');

test('steps are published under the attempt, pictures stored, and the outcome is whole', async () => {
  const { verdict, published, ends, blobs } = await play({ claim: { attempt: 3 } });
  expect(verdict).toBe('ended');
  expect(published).toEqual([{ ...STEP, attempt: 3 }]);
  expect(blobs).toHaveLength(1);
  expect(ends).toMatchObject([
    {
      status: 'completed',
      outcome: {
        images: [{ index: 0, seed: 0, width: 8, height: 8, content_type: 'image/png', sha256: 'sha' }],
        passes,
        timings: { ...TIMINGS, queued_ms: 5 },
        device: 'cpu',
        warnings: ['a warning', 'cut'],
      },
    },
  ]);
});

test('a first engine crash gives the job back for another try', async () => {
  const { verdict, ends, releases } = await play({ run: failingRun(crash) });
  expect({ verdict, ends, releases }).toEqual({ verdict: 'retry', ends: [], releases: 1 });
});

test('a second engine crash ends the job as poison', async () => {
  const { verdict, ends } = await play({ run: failingRun(crash), crashesSoFar: 1 });
  expect(verdict).toBe('failed');
  expect(ends).toMatchObject([{ status: 'failed', error: { code: 'poison_job' } }]);
});

test('what a new try cannot mend fails at once, in the words of the engine', async () => {
  const problem = problemDetails(new ServiceError('lora_not_found', 'it was deleted'));
  const { verdict, ends } = await play({ run: failingRun(new RunFailure(problem)) });
  expect(verdict).toBe('failed');
  expect(ends).toEqual([{ status: 'failed', error: problem }]);
});

test('what may pass is tried again, and fails at the last try', async () => {
  const run = failingRun(new ServiceError('unavailable', 'the disk is full'));
  expect(await play({ run })).toMatchObject({ verdict: 'retry', ends: [], releases: 1 });
  const last = await play({ run, isLastTry: true });
  expect(last.verdict).toBe('failed');
  expect(last.ends).toMatchObject([{ status: 'failed', error: { code: 'unavailable' } }]);
});

test('a store that cannot be written is a reason to try again, and has words of its own', async () => {
  const store = () => Promise.reject(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }));
  expect(await play({ store })).toMatchObject({ verdict: 'retry', ends: [], releases: 1 });
  const last = await play({ store, isLastTry: true });
  expect(last.ends).toMatchObject([{ status: 'failed', error: { code: 'storage_unavailable' } }]);
});

test('a job whose deadline passes while it runs stops and fails with it', async () => {
  const run = async function* (signal: AbortSignal) {
    yield STEP;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    signal.throwIfAborted();
  };
  const { verdict, ends } = await play({ run, claim: { deadlineMs: 1 } });
  expect(verdict).toBe('ended');
  expect(ends).toMatchObject([{ status: 'failed', error: { code: 'deadline_exceeded' } }]);
});

test('a job that lost its engine over another job is handed back, which counts as nothing', async () => {
  const { verdict, ends, releases } = await play({ run: failingRun(new EngineReplaced('killed')) });
  expect({ verdict, ends, releases }).toEqual({ verdict: 'handed back', ends: [], releases: 1 });
});

test('an error that nobody foresaw fails the job without its text', async () => {
  const { verdict, ends } = await play({ run: failingRun(new Error('secret')) });
  expect(verdict).toBe('failed');
  expect(JSON.stringify(ends)).not.toContain('secret');
});

test('a cancel that the journal tells of stops the run', async () => {
  const { verdict, ends, published } = await play({ run: endlessRun, answer: 'cancel' });
  expect({ verdict, ends }).toEqual({ verdict: 'ended', ends: [{ status: 'cancelled' }] });
  expect(published).toHaveLength(1);
});

test('an attempt that is no longer the newest stops and says nothing', async () => {
  const { verdict, ends, releases } = await play({ run: endlessRun, answer: 'fenced' });
  expect({ verdict, ends, releases }).toEqual({ verdict: 'ended', ends: [], releases: 0 });
});

test('a worker that stops hands its job back', async () => {
  const stopping = new AbortController();
  const reason: StopReason = 'draining';
  const run = async function* (signal: AbortSignal) {
    yield STEP;
    stopping.abort(reason);
    yield* endlessRun(signal);
  };
  expect(await play({ run, signal: stopping.signal })).toMatchObject({ verdict: 'handed back', ends: [], releases: 1 });
});

test('a worker that stops before its engine is ready hands the job back unclaimed', async () => {
  const { verdict, releases } = await play({ signal: AbortSignal.abort('draining' satisfies StopReason) });
  expect({ verdict, releases }).toEqual({ verdict: 'handed back', releases: 0 });
});

test('a job for another checkpoint than the one that is loaded is not run', async () => {
  const job = { ...ACCEPTED_JOB, request: { ...ACCEPTED_JOB.request, model_sha256: 'bb' } };
  const { verdict, ends } = await play({ claim: { job } });
  expect(verdict).toBe('failed');
  expect(ends).toMatchObject([{ error: { code: 'model_not_found' } }]);
});
