import { afterAll, beforeAll, expect, test } from 'vitest';
import { engineOf, until } from '../support/processes.ts';
import { allEvents, readEvents, type SentEvent } from '../support/read-events.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** The engine is killed with SIGKILL in mid-job, as the kernel does it when memory runs out. */

let service: TestService;
const CANCEL_GRACE_S = 1;
/** Far longer than a step takes here, also on a machine that is busy with something else. */
const ENGINE_SILENCE_S = 4;

beforeAll(async () => {
  service = await startTestService({ cancelGraceS: CANCEL_GRACE_S, engineSilenceS: ENGINE_SILENCE_S });
});

afterAll(async () => {
  await service?.close();
});

const at = (path: string) => `${service.httpUrl}${path}`;

/** Kills the engine once the job has done its second step, in each of the first `times` attempts. */
async function killEngineWhileWatching(eventsUrl: string, times: number): Promise<readonly SentEvent[]> {
  const seen: SentEvent[] = [];
  for await (const event of readEvents(await fetch(at(eventsUrl)))) {
    seen.push(event);
    const { attempt, step } = event.data;
    if (event.name === 'step' && step === 2 && Number(attempt) <= times) {
      const engine = engineOf(service.workerPid());
      expect(engine).toBeDefined();
      process.kill(engine ?? 0, 'SIGKILL');
    }
  }
  return seen;
}

test('a job whose engine is killed runs again, and its one stream goes on to the picture', async () => {
  const request = { ...SMALL_REQUEST, steps: 20 };
  const undisturbed = await jsonOf(postJson(at('/v1/generations'), request, { prefer: 'wait=60' }));
  const { urls } = await jsonOf(postJson(at('/v1/generations'), request));
  const seen = await killEngineWhileWatching(urls.events, 1);

  expect(seen.filter(({ name }) => name === 'started').map(({ data }) => data.attempt)).toEqual([1, 2]);
  expect(seen.filter(({ name, data }) => name === 'step' && data.attempt === 2)).toHaveLength(20);
  expect(seen.filter(({ name }) => name === 'completed')).toHaveLength(1);
  expect(seen.at(-1)?.name).toBe('completed');
  const generation = await jsonOf(fetch(at(urls.self)));
  expect(generation).toMatchObject({ status: 'completed', attempt: 2 });
  expect(generation.result.images[0]?.sha256).toBe(undisturbed.result.images[0]?.sha256);
});

test('a job under which two engines die is poison: it fails and is not tried again', async () => {
  const { urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 20 }));
  const seen = await killEngineWhileWatching(urls.events, 2);

  expect(seen.at(-1)).toMatchObject({ name: 'failed', data: { error: { code: 'poison_job', status: 500 } } });
  const generation = await jsonOf(fetch(at(urls.self)));
  expect(generation).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'poison_job' }, result: null });

  const next = await postJson(at('/v1/generations'), SMALL_REQUEST, { prefer: 'wait=60' });
  expect(next.status).toBe(201);
  expect((await jsonOf(next)).status).toBe('completed');
});

test('jobs that only shared the engine with a poison job all finish', async () => {
  const steps = 20;
  const innocent = await Promise.all(
    [1, 2, 3].map((seed) => jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, seed, steps }))),
  );
  const poison = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps }));
  const seen = await killEngineWhileWatching(poison.urls.events, 2);
  expect(seen.at(-1)?.name).toBe('failed');
  for (const { urls } of innocent) {
    expect((await allEvents(await fetch(at(urls.events)))).at(-1)?.name).toBe('completed');
  }
});

test('an engine that hangs in a cancelled job is killed; the job beside it runs again and is not blamed', async () => {
  const steps = 60;
  const hung = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps, seed: 1 }));
  const innocent = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps, seed: 2 }));
  for (const { urls } of [hung, innocent]) {
    await until('it runs', async () => (await jsonOf(fetch(at(urls.self)))).status === 'running');
  }
  // Stopped, not killed: this is what a call of the model that never returns looks like from outside.
  process.kill(engineOf(service.workerPid()) ?? 0, 'SIGSTOP');
  const start = Date.now();
  await fetch(at(hung.urls.cancel), { method: 'POST' });
  expect((await allEvents(await fetch(at(hung.urls.events)))).at(-1)?.name).toBe('cancelled');
  expect(Date.now() - start).toBeGreaterThanOrEqual(CANCEL_GRACE_S * 1000);
  const events = await allEvents(await fetch(at(innocent.urls.events)));
  expect(events.at(-1)).toMatchObject({ name: 'completed' });
  expect(events.filter(({ name }) => name === 'started')).toHaveLength(2);
});

test('an engine that says nothing of a job for too long is killed; the job is tried again, and then is poison', async () => {
  const { urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 60 }));
  const seen: SentEvent[] = [];
  for await (const event of readEvents(await fetch(at(urls.events)))) {
    seen.push(event);
    if (event.name === 'step' && event.data.step === 2) process.kill(engineOf(service.workerPid()) ?? 0, 'SIGSTOP');
  }
  expect(seen.filter(({ name }) => name === 'started')).toHaveLength(2);
  expect(seen.at(-1)).toMatchObject({ name: 'failed', data: { error: { code: 'poison_job' } } });
});

test('a worker that is killed loses no job: it runs again within the time that was measured for it', async () => {
  const { urls } = await jsonOf(postJson(at('/v1/generations'), { ...SMALL_REQUEST, steps: 40 }));
  let killedAt = 0;
  let startedAgainMs = 0;
  const seen: string[] = [];
  for await (const { name, data } of readEvents(await fetch(at(urls.events)))) {
    seen.push(name);
    if (name === 'step' && data.step === 2 && killedAt === 0) {
      const worker = service.workerPid();
      const engine = engineOf(worker);
      process.kill(worker ?? 0, 'SIGKILL');
      killedAt = Date.now();
      // The engine must not outlive its worker.
      await until('the orphaned engine is gone', () => engineOf(1) !== engine && !isAlive(engine), 10_000);
    }
    if (name === 'started' && killedAt > 0) startedAgainMs = Date.now() - killedAt;
  }
  expect(seen.at(-1)).toBe('completed');
  expect(startedAgainMs).toBeGreaterThan(0);
  expect(startedAgainMs).toBeLessThanOrEqual(15_000);
});

function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
