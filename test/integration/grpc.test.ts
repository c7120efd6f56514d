import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type ServiceError as CallError, Client, credentials, status } from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServiceError } from '../../src/contract/errors.ts';
import type { GenerationPlan } from '../../src/contract/generation-plan.ts';
import { parseGenerationRequest } from '../../src/contract/generation-request.ts';
import type { GenerationResult } from '../../src/contract/generation-result.ts';
import type { JobEvent } from '../../src/contract/job-event.ts';
import { type GenerationEventMessage, type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { type GrpcServer, startGrpcServer } from '../../src/grpc/server.ts';
import { createOpenAccess } from '../../src/service/access.ts';
import { createAddressLimit } from '../../src/service/address-limit.ts';
import type { Generations } from '../../src/service/generations.ts';
import type { Readiness } from '../../src/service/health.ts';
import type { LoraUploads } from '../../src/service/lora-uploads.ts';
import type { Loras } from '../../src/service/loras.ts';
import { createGatewayMetrics } from '../../src/telemetry/gateway-metrics.ts';
import { NO_TRACING } from '../../src/telemetry/tracing.ts';

/**
 * The gRPC door over a real server and client on loopback, with a service of the test's own behind it: what goes through the door,
 * in which form, and with which status. `doors.test.ts` has the real service behind the same door.
 */

const PICTURE = randomBytes(2_500_000);

const RESULT: GenerationResult = {
  images: [
    {
      index: 0,
      seed: Number.MAX_SAFE_INTEGER,
      width: 64,
      height: 96,
      content_type: 'image/png',
      bytes: PICTURE.length,
      sha256: 'aa',
      pixels_sha256: 'bb',
    },
  ],
  request: {
    model: 'tiny',
    model_sha256: 'cc',
    prompt: 'a café',
    negative_prompt: '',
    width: 64,
    height: 96,
    steps: 4,
    guidance_scale: 0,
    guidance_rescale: 0,
    sampler: 'ddim',
    seed: 0,
    n: 1,
    loras: [
      {
        id: 'ink',
        sha256: 'dd',
        weight: { unet: 0, text_encoder: -0.5 },
        frequency_class: 'low',
        frequency_class_assumed: false,
      },
    ],
    composition: { method: 'merge', scale: 1, text_encoder: 'all' },
    output: { format: 'png' },
  },
  loras: [
    {
      id: 'ink',
      format: 'kohya',
      sha256: 'dd',
      matched: { unet: ['mid_block'], text_encoder: [] },
      unmatched: [{ key: 'lora_x', reason: 'no such module' }],
      ranks: [4],
      alphas: [2.5],
      frequency: { frequency_class: 'low', source: 'profile', score: 0.25, profile: 'ready' },
    },
  ],
  plan: [{ evaluation: 0, step: 0, timestep: 750, leader: null, weights: [], full: ['ink'], reuse: [] }],
  passes: { full: 8, reuse: 0 },
  timings: {
    queued_ms: 1,
    load_loras_ms: 2,
    encode_text_ms: 3,
    denoise_ms: 4.5,
    decode_ms: 5,
    encode_image_ms: 6,
  },
  model: { id: 'tiny', sha256: 'cc' },
  device: 'cpu',
  version: '0.1.0',
  warnings: ['the prompt was cut off'],
};

const PLAN: GenerationPlan = {
  request: RESULT.request,
  loras: RESULT.loras,
  leading: {
    order: ['ink'],
    order_source: 'profile',
    high: [],
    low: ['ink'],
    classes: [{ id: 'ink', frequency_class: 'low', source: 'profile', score: 0.25, profile: 'ready' }],
    split: 0.5,
    halves_tau: 1,
  },
  plan: RESULT.plan.map((evaluation) => ({ ...evaluation, leader: 'ink', refreshed: ['ink'], cost: 1.08 })),
  certainty: 'expected',
  passes: { full: 1, reuse: 1 },
  cost: { full_passes: 1.08, full_pass_macs: 4.0164e11, reuse_share: 0.08 },
  model: RESULT.model,
  warnings: ['LoRA "ink" acts in part'],
};

const STARTED: readonly JobEvent[] = [
  { type: 'queued', queue_position: 0 },
  { type: 'started', attempt: 1, device: 'cpu' },
  { type: 'step', attempt: 1, image: 0, step: 1, steps: 4, leader: 'ink' },
];

/** A service that accepts what the contract accepts and then plays `script`; `hangs` makes it wait after the last event. */
class ScriptedService {
  script: readonly JobEvent[] = [...STARTED, { type: 'completed', result: RESULT }];
  hangs = false;
  readonly submitted: unknown[] = [];
  readonly cancelled: string[] = [];

  readonly generations: Generations = {
    submit: async (_caller, body) => {
      this.submitted.push(parseGenerationRequest(body));
      return { id: 'g1', queuePosition: 3, isReplay: false };
    },
    plan: async (_caller, body) => {
      this.submitted.push(parseGenerationRequest(body));
      return PLAN;
    },
    replay: async (_caller, id) => {
      if (id !== 'g1') throw new ServiceError('not_found', `there is no generation ${id}`);
      return { id: 'g2', queuePosition: 4, isReplay: false };
    },
    link: () => Promise.reject(new Error('no call of this door')),
    get: async (_caller, id) => {
      if (id !== 'g1') throw new ServiceError('not_found', `there is no generation ${id}`);
      return {
        id,
        status: 'completed',
        attempt: 1,
        accepted_at: '2026-01-01T00:00:00.000Z',
        started_at: null,
        finished_at: null,
        queue_position: null,
        eta_ms: null,
        request: RESULT.request,
        warnings: [],
        result: RESULT,
        error: null,
      };
    },
    wait: async (caller, id) => this.generations.get(caller, id),
    watch: async (_caller, _id, after, signal) => this.#watch(after, signal),
    cancel: async (_caller, id) => {
      if (this.cancelled.includes(id)) throw new ServiceError('already_finished', 'it was cancelled before');
      this.cancelled.push(id);
      return { status: 'cancelling' };
    },
    image: async () => {
      const [image] = RESULT.images;
      if (image === undefined) throw new Error('the result has a picture');
      return { image, bytes: PICTURE };
    },
  };

  async *#watch(after: string | undefined, signal: AbortSignal) {
    for (const [index, event] of this.script.entries()) {
      if (after === undefined || index > Number(after)) yield { id: String(index), event };
    }
    if (this.hangs && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
  }
}

/** What a door does with LoRAs is tested on a whole service (test/integration/loras.test.ts). */
const NO_LORAS = {} as Loras;
const NO_UPLOADS = {} as LoraUploads;

let service: ScriptedService;
let server: GrpcServer;
let client: GrpcClient;
let readiness: Readiness['status'];

beforeEach(async () => {
  service = new ScriptedService();
  readiness = 'ready';
  server = await startGrpcServer({
    access: createOpenAccess(createAddressLimit({ perMinute: 1, now: Date.now })),
    isProxy: () => false,
    metrics: createGatewayMetrics(),
    tracing: NO_TRACING,
    generations: service.generations,
    loras: NO_LORAS,
    uploads: NO_UPLOADS,
    health: { readiness: async () => ({ status: readiness, redis: 'ok', models: [], workers: [] }) },
    logger: pino({ level: 'silent' }),
    address: '127.0.0.1:0',
  });
  client = openGrpcClient(server.address);
});

afterEach(async () => {
  client.close();
  await server.close();
});

async function collect(stream: AsyncIterable<GenerationEventMessage>): Promise<GenerationEventMessage[]> {
  const messages: GenerationEventMessage[] = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

/** The error with which a call ends. */
async function failure(call: Promise<unknown>): Promise<CallError> {
  return call.then(
    () => expect.unreachable('the call should fail'),
    (error: CallError) => error,
  );
}

/** The ProblemDetails in the trailer of an error, read with the published proto files as any client would. */
function problemOf(error: CallError): unknown {
  const proto = loadSync(['overtone/v1/problem.proto', 'google/rpc/status.proto'], {
    includeDirs: ['proto'],
    keepCase: true,
  });
  const type = (name: string) => proto[name] as unknown as { deserialize(bytes: Buffer): Record<string, unknown> };
  const [trailer] = error.metadata.get('grpc-status-details-bin');
  const { code, details } = type('google.rpc.Status').deserialize(trailer as Buffer);
  expect(code).toBe(error.code);
  const [any] = details as { type_url: string; value: Buffer }[];
  expect(any?.type_url).toBe('type.googleapis.com/overtone.v1.ProblemDetails');
  return type('overtone.v1.ProblemDetails').deserialize(any?.value ?? Buffer.alloc(0));
}

test('a request arrives as the JSON request, with zeros and absences kept apart', async () => {
  await client.call('Submit', {
    prompt: '',
    seed: Number.MAX_SAFE_INTEGER,
    guidance_scale: 0,
    guidance_rescale: 0.7,
    loras: [
      { id: 'a', weight: 0 },
      { sha256: 'e'.repeat(64), weights: { unet: 1, text_encoder: 0 }, frequency_class: 'low' },
    ],
    composition: {
      fields: {
        method: { stringValue: 'cmlora' },
        turn: { structValue: { fields: { near: { numberValue: 1 } } } },
        order: { listValue: { values: [{ stringValue: 'a' }] } },
      },
    },
  });
  expect(service.submitted).toEqual([
    {
      prompt: '',
      seed: Number.MAX_SAFE_INTEGER,
      guidance_scale: 0,
      guidance_rescale: 0.7,
      loras: [
        { id: 'a', weight: 0 },
        { sha256: 'e'.repeat(64), weight: { unet: 1, text_encoder: 0 }, frequency_class: 'low' },
      ],
      composition: { method: 'cmlora', turn: { near: 1 }, order: ['a'] },
    },
  ]);
});

test('Submit answers the id and the place in the queue', async () => {
  expect(await client.call('Submit', { prompt: 'x' })).toEqual({ id: 'g1', queue_position: 3 });
});

test('Plan takes the request of Submit and answers the plan whole', async () => {
  const { request, ...plan } = await client.call('Plan', { prompt: 'x', seed: 0 });
  expect(service.submitted).toEqual([{ prompt: 'x', seed: 0 }]);
  const { request: _, ...expected } = PLAN;
  // Protobuf does not send what is empty or 0.
  expect(plan).toMatchObject({
    ...expected,
    leading: { order: ['ink'], low: ['ink'], classes: expected.leading?.classes },
    loras: [{ id: 'ink', matched: { unet: ['mid_block'] } }],
    plan: [{ timestep: 750, leader: 'ink', full: ['ink'], refreshed: ['ink'], cost: 1.08 }],
    passes: { full: 1, reuse: 1 },
  });
  expect(request).toMatchObject({ model: 'tiny', composition: { fields: { method: { stringValue: 'merge' } } } });
});

test('Generate streams every event, then the picture in chunks, then the result', async () => {
  const messages = await collect(client.events('Generate', { prompt: 'x' }));
  const kinds = messages.map((message) => Object.keys(message).find((key) => key !== 'id' && key !== 'resume_token'));
  expect(kinds).toEqual(['queued', 'started', 'step', 'image_chunk', 'image_chunk', 'image_chunk', 'completed']);
  const chunks = messages.flatMap((message) => message.image_chunk ?? []);
  expect(Buffer.concat(chunks.map((chunk) => chunk.data)).equals(PICTURE)).toBe(true);
  expect(chunks.map((chunk) => chunk.offset)).toEqual([0, 1_048_576, 2_097_152]);
  expect(messages.map((message) => message.resume_token)).toEqual([
    '0',
    '1',
    '2',
    undefined,
    undefined,
    undefined,
    '3',
  ]);
  expect(messages[2]?.step).toEqual({ attempt: 1, image: 0, step: 1, steps: 4, leader: 'ink' });
});

test('a result arrives whole', async () => {
  const last = (await collect(client.events('Generate', { prompt: 'x' }))).at(-1);
  const { request, ...result } = RESULT;
  expect(last?.completed?.result).toMatchObject({
    ...result,
    loras: [{ ...result.loras[0], matched: { unet: ['mid_block'] } }],
    plan: [{ evaluation: 0, step: 0, timestep: 750, full: ['ink'] }],
    request: {
      ...request,
      composition: {
        fields: { method: { stringValue: 'merge' }, scale: { numberValue: 1 }, text_encoder: { stringValue: 'all' } },
      },
    },
  });
});

test('Get gives the generation with its status by name', async () => {
  expect(await client.call('Get', { id: 'g1' })).toMatchObject({
    id: 'g1',
    status: 'GENERATION_STATUS_COMPLETED',
    result: { passes: { full: 8, reuse: 0 } },
  });
});

test('Watch goes on after the resume token', async () => {
  const messages = await collect(client.events('Watch', { id: 'g1', resume_token: '1' }));
  expect(messages.map((message) => message.resume_token)).toEqual(['2', undefined, undefined, undefined, '3']);
});

test.each<[string, object, string]>([
  ['0 steps', { prompt: 'x', steps: 0 }, 'steps is 0; must be an integer from 1 to 150'],
  ['a negative size', { prompt: 'x', width: -8 }, 'width is -8'],
  ['a size that is no multiple of 8', { prompt: 'x', height: 100 }, 'height is 100'],
  ['an unknown sampler', { prompt: 'x', sampler: 'plms' }, 'sampler is "plms"'],
  ['no prompt', {}, 'prompt is missing'],
  ['a number that is none', { prompt: 'x', guidance_scale: Number.NaN }, 'guidance_scale is NaN'],
  [
    'an unknown option',
    { prompt: 'x', composition: { fields: { method: { stringValue: 'merge' }, tau: { numberValue: 5 } } } },
    'composition.tau',
  ],
  ['a seed that a double cannot hold', { prompt: 'x', seed: '9007199254740993' }, 'seed is 9007199254740992'],
])('%s is refused with INVALID_ARGUMENT, in the words of HTTP', async (_, request, words) => {
  const error = await failure(client.call('Submit', request));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toContain(words);
  expect(service.submitted).toEqual([]);
});

test('all that is wrong comes at once, in the details of the status', async () => {
  const error = await failure(collect(client.events('Generate', { steps: 0, n: 9 })));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(problemOf(error)).toMatchObject({
    code: 'invalid_request',
    status: 422,
    problems: [{ subject: 'steps' }, { subject: 'n' }, { subject: 'prompt' }],
  });
});

/** Sends bytes that no client made from the proto files would send. */
async function submitBytes(bytes: Buffer): Promise<unknown> {
  const raw = new Client(server.address, credentials.createInsecure());
  const same = (value: Buffer) => value;
  try {
    return await new Promise((resolve, reject) => {
      raw.makeUnaryRequest('/overtone.v1.GenerationService/Submit', same, same, bytes, (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  } finally {
    raw.close();
  }
}

const PROMPT_X = Buffer.from([0x12, 1, 0x78]);

test('a field of a later version is refused, not skipped', async () => {
  const error = await failure(submitBytes(Buffer.from([...PROMPT_X, 0xa0, 0x06, 1])));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toContain(
    'field 100 is not a field of a request of this version; allowed here are model, prompt',
  );
});

test('an unknown field within a LoRA is refused too', async () => {
  const error = await failure(submitBytes(Buffer.from([...PROMPT_X, 0x5a, 5, 0x0a, 1, 0x61, 0x78, 1])));
  expect(error.details).toContain('loras.field 15 is not a field');
});

test('bytes that are no message are a bad request', async () => {
  const error = await failure(submitBytes(Buffer.from([0x12, 200])));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toContain('2 bytes that cannot be read');
});

test('a Struct nested without end is refused and the server lives on', async () => {
  let value = Buffer.from([0x20, 1]);
  const wrap = (tag: number, inner: Buffer) => Buffer.concat([Buffer.from([tag, ...varint(inner.length)]), inner]);
  // Value { list_value: ListValue { values: [ ... ] } }, thousands deep.
  while (value.length < 150_000) value = wrap(0x32, wrap(0x0a, value));
  const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x61]), wrap(0x12, value)]);
  const error = await failure(submitBytes(Buffer.concat([PROMPT_X, wrap(0x62, wrap(0x0a, entry))])));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(await client.call('Submit', { prompt: 'x' })).toMatchObject({ id: 'g1' });
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

test('text that is no UTF-8 is refused, not mended', async () => {
  // prompt: a lone high surrogate, as three bytes.
  const error = await failure(submitBytes(Buffer.from([0x12, 3, 0xed, 0xa0, 0xbd])));
  expect(error.code).toBe(status.INVALID_ARGUMENT);
  expect(error.details).toBe('prompt is not UTF-8; must be well-formed Unicode');
});

test('Replay answers with the new generation, and knows no other than those there are', async () => {
  expect(await client.call('Replay', { id: 'g1' })).toEqual({ id: 'g2', queue_position: 4 });
  expect((await failure(client.call('Replay', { id: 'nobody' }))).code).toBe(status.NOT_FOUND);
});

test('a message above the limit of a body is RESOURCE_EXHAUSTED', async () => {
  const error = await failure(client.call('Submit', { prompt: 'x'.repeat(300_000) }));
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
});

test('an unknown id is NOT_FOUND, a second cancel FAILED_PRECONDITION', async () => {
  expect((await failure(client.call('Get', { id: 'nobody' }))).code).toBe(status.NOT_FOUND);
  expect(await client.call('Cancel', { id: 'g1' })).toEqual({ status: 'CANCEL_STATUS_CANCELLING' });
  expect((await failure(client.call('Cancel', { id: 'g1' }))).code).toBe(status.FAILED_PRECONDITION);
});

test('the text of an error inside the service stays inside', async () => {
  service.generations.get = async () => {
    throw new Error('password in here');
  };
  const error = await failure(client.call('Get', { id: 'g1' }));
  expect(error.code).toBe(status.INTERNAL);
  expect(JSON.stringify([error.details, problemOf(error)])).not.toContain('password');
});

test('Generate ends with the status of what failed, after the event; Watch ends well', async () => {
  const error = { type: 'urn:x', title: 'gone', status: 500, code: 'poison_job', detail: 'gone' } as const;
  service.script = [...STARTED, { type: 'failed', error }];
  const seen: GenerationEventMessage[] = [];
  const generating = async () => {
    for await (const message of client.events('Generate', { prompt: 'x' })) seen.push(message);
  };
  expect((await failure(generating())).code).toBe(status.INTERNAL);
  expect(seen.at(-1)?.failed?.error).toMatchObject({ code: 'poison_job' });
  expect((await collect(client.events('Watch', { id: 'g1' }))).at(-1)?.failed).toBeDefined();
});

test('Generate ends with CANCELLED when someone else cancels the generation', async () => {
  service.script = [...STARTED, { type: 'cancelled' }];
  expect((await failure(collect(client.events('Generate', { prompt: 'x' })))).code).toBe(status.CANCELLED);
});

test('cancelling Generate cancels the generation, cancelling Watch does not', async () => {
  service.script = STARTED;
  service.hangs = true;
  for (const [rpc, request] of [
    ['Watch', { id: 'g1' }],
    ['Generate', { prompt: 'x' }],
  ] as const) {
    const stop = new AbortController();
    const watching = async () => {
      for await (const message of client.events(rpc, request, { signal: stop.signal })) {
        if (message.step !== undefined) stop.abort();
      }
    };
    expect((await failure(watching())).code).toBe(status.CANCELLED);
    if (rpc === 'Watch') expect(service.cancelled).toEqual([]);
  }
  await expect.poll(() => service.cancelled).toEqual(['g1']);
});

test('the deadline of Generate cancels the generation', async () => {
  service.script = STARTED;
  service.hangs = true;
  const deadline = new Date(Date.now() + 200);
  const error = await failure(collect(client.events('Generate', { prompt: 'x' }, { deadline })));
  expect(error.code).toBe(status.DEADLINE_EXCEEDED);
  await expect.poll(() => service.cancelled).toEqual(['g1']);
});

test('a server that closes ends streams with UNAVAILABLE and cancels nothing', async () => {
  service.script = STARTED;
  service.hangs = true;
  const closing = async () => {
    for await (const message of client.events('Generate', { prompt: 'x' })) {
      if (message.step !== undefined) void server.close();
    }
  };
  expect((await failure(closing())).code).toBe(status.UNAVAILABLE);
  expect(service.cancelled).toEqual([]);
});

test('events that end before the generation does end a stream with UNAVAILABLE', async () => {
  service.script = STARTED;
  expect((await failure(collect(client.events('Watch', { id: 'g1' })))).code).toBe(status.UNAVAILABLE);
});

test('Watch after the last event of a finished generation ends well and empty', async () => {
  expect(await collect(client.events('Watch', { id: 'g1', resume_token: '3' }))).toEqual([]);
});

test('health says SERVING while the service is ready, for the server and the service by name', async () => {
  const check = async (name: string) => {
    const { service: rpcs } = await import('grpc-health-check');
    const raw = new Client(server.address, credentials.createInsecure());
    const { Check: rpc } = rpcs;
    if (rpc === undefined) throw new Error('the health service has Check');
    return new Promise((resolve, reject) => {
      raw.makeUnaryRequest(
        rpc.path,
        rpc.requestSerialize,
        rpc.responseDeserialize,
        { service: name },
        (error, answer) => {
          raw.close();
          if (error === null) resolve(answer);
          else reject(error);
        },
      );
    });
  };
  await expect.poll(() => check('')).toEqual({ status: 'SERVING' });
  expect(await check('overtone.v1.GenerationService')).toEqual({ status: 'SERVING' });
  readiness = 'unavailable';
  await expect.poll(() => check(''), { timeout: 5_000 }).toEqual({ status: 'NOT_SERVING' });
  expect((await failure(check('nobody'))).code).toBe(status.NOT_FOUND);
});

test('reflection lists the services and gives the files of the contract', async () => {
  const folder = join(import.meta.dirname, '../../node_modules/@grpc/reflection/build/proto');
  const definitions = loadSync('grpc/reflection/v1/reflection.proto', { includeDirs: [folder], keepCase: true });
  const { ServerReflectionInfo: rpc } = definitions['grpc.reflection.v1.ServerReflection'] as ServiceDefinition;
  if (rpc === undefined) throw new Error('the reflection service has its one rpc');
  const raw = new Client(server.address, credentials.createInsecure());
  const call = raw.makeBidiStreamRequest(rpc.path, rpc.requestSerialize, rpc.responseDeserialize);
  call.write({ list_services: '' });
  call.write({ file_containing_symbol: 'overtone.v1.GenerationService' });
  call.end();
  const answers: Record<string, never>[] = [];
  for await (const answer of call) answers.push(answer);
  raw.close();

  expect(answers[0]).toMatchObject({
    list_services_response: {
      service: expect.arrayContaining([{ name: 'overtone.v1.GenerationService' }, { name: 'grpc.health.v1.Health' }]),
    },
  });
  const { file_descriptor_proto: files = [] } = (answers[1]?.file_descriptor_response ?? {}) as {
    readonly file_descriptor_proto?: readonly Buffer[];
  };
  const text = Buffer.concat([...files]).toString('latin1');
  for (const name of ['GenerationPlan', 'WatchRequest', 'ProblemDetails']) expect(text).toContain(name);
});
