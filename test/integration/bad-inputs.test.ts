import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceError as CallError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/run.ts';
import type { ProblemDetails } from '../../src/contract/errors.ts';
import { problemDetails } from '../../src/contract/errors.ts';
import { openEngine } from '../../src/engine/open-engine.ts';
import { type GrpcClient, openGrpcClient } from '../../src/grpc/client.ts';
import { jsonToStruct } from '../../src/grpc/struct.ts';
import { BAD_LORA_FILES, writeBadLoras } from '../support/bad-lora-files.ts';
import { GOLDEN_CHECKPOINT } from '../support/golden-checkpoint.ts';
import { SILENT } from '../support/redis.ts';
import { postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/**
 * A table of inputs that cannot be used. Each goes in by every door that can carry it, and every door answers the same code and the
 * same problems. What is wrong with a checkpoint is said by the command line and by an engine that starts.
 */

interface BadRequest {
  readonly what: string;
  /** What of a good request is changed. */
  readonly change: object;
  readonly code: string;
  /** Where the problems are, in order; none for errors that are about no field. */
  readonly at: readonly string[];
  /** Where the gRPC message cannot hold the value as JSON does. */
  readonly notByGrpc?: true;
}

const row = (what: string, change: object, at: readonly string[], code = 'invalid_request'): BadRequest => {
  return { what, change, code, at };
};
/** A value of a type that the gRPC message has no room for. */
const jsonRow = (what: string, change: object, at: readonly string[]): BadRequest => {
  return { ...row(what, change, at), notByGrpc: true };
};
const lora = (id: string) => ({ loras: [{ id }], composition: { method: 'merge' } });
const TWO = [{ id: 'kohya-attention-r4' }, { id: 'peft-attention-r8' }];
const cmlora = (options: object) => ({ loras: TWO, composition: { method: 'cmlora', ...options } });

const REQUESTS: readonly BadRequest[] = [
  row('no prompt', { prompt: undefined }, ['prompt']),
  jsonRow('a prompt that is a number', { prompt: 7 }, ['prompt']),
  row('a prompt of 100 kB', { prompt: 'x'.repeat(100_000) }, ['prompt']),
  row('a negative prompt of 8193 bytes in characters of three', { negative_prompt: '語'.repeat(2731) }, [
    'negative_prompt',
  ]),
  jsonRow('a prompt with half of a surrogate pair', { prompt: 'a \ud83d b' }, ['prompt']),
  row('an unknown model', { model: 'nobody' }, [], 'model_not_found'),
  row('an empty model', { model: '' }, ['model']),
  row('a width of 0', { width: 0 }, ['width']),
  row('a negative height', { height: -64 }, ['height']),
  row('a size that is no multiple of 8', { width: 65, height: 70 }, ['width', 'height']),
  row('a picture of 100 megapixels', { width: 10_240, height: 10_240 }, ['width', 'height']),
  row('0 steps', { steps: 0 }, ['steps']),
  row('151 steps', { steps: 151 }, ['steps']),
  jsonRow('half a step', { steps: 2.5 }, ['steps']),
  jsonRow('steps as text', { steps: '4' }, ['steps']),
  row('a negative guidance', { guidance_scale: -1 }, ['guidance_scale']),
  row('a guidance of 1e300', { guidance_scale: 1e300 }, ['guidance_scale']),
  row('an unknown sampler', { sampler: 'plms' }, ['sampler']),
  row('an empty sampler', { sampler: '' }, ['sampler']),
  row('a negative seed', { seed: -1 }, ['seed']),
  jsonRow('a seed above 2^53', { seed: 2 ** 60 }, ['seed']),
  row('0 pictures', { n: 0 }, ['n']),
  row('9 pictures', { n: 9 }, ['n']),
  row('a seed that leaves no room for the second picture', { seed: Number.MAX_SAFE_INTEGER, n: 2 }, ['seed']),
  row('50 LoRAs', { loras: Array.from({ length: 50 }, (_, i) => ({ id: `l${i}` })) }, ['loras']),
  row('a LoRA with no name', { loras: [{ weight: 1 }] }, ['loras[0]']),
  row('a LoRA with two names', { loras: [{ id: 'a', sha256: 'a'.repeat(64) }] }, ['loras[0]']),
  row('a LoRA of an empty name', { loras: [{ id: '' }] }, ['loras[0].id']),
  row('a sha256 in capitals', { loras: [{ sha256: 'A'.repeat(64) }] }, ['loras[0].sha256']),
  row('a weight of 5', { loras: [{ id: 'peft-attention-r8', weight: 5 }] }, ['loras[0].weight']),
  row('a weight of one part only', { loras: [{ id: 'a', weight: { unet: 1 } }] }, ['loras[0].weight.text_encoder']),
  row('an unknown frequency class', { loras: [{ id: 'a', frequency_class: 'middle' }] }, ['loras[0].frequency_class']),
  row('a LoRA that is not there', lora('nobody'), ['loras[0].id'], 'lora_not_found'),
  row('a LoRA outside the folder', lora('../kohya-attention-r4'), ['loras[0].id'], 'lora_not_found'),
  row('the same LoRA twice', { loras: [TWO[0], TWO[0]] }, ['loras[1].id']),
  row('a LoRA that matches nothing', lora('nothing-matches'), ['loras[0].id'], 'lora_no_match'),
  row('an SDXL LoRA', lora('sdxl'), ['loras[0].id'], 'lora_wrong_base'),
  row('a LoRA of another width', lora('other-width'), ['loras[0].id'], 'lora_wrong_base'),
  row('a truncated LoRA', lora('truncated'), ['loras[0].id'], 'malformed_file'),
  row('a header that claims 2 GB', lora('header-claims-2gb'), ['loras[0].id'], 'malformed_file'),
  row('an unknown method', { loras: TWO, composition: { method: 'blend' } }, ['composition.method']),
  row('a composition with no method', { loras: TWO, composition: {} }, ['composition.method']),
  jsonRow('a composition that is text', { loras: TWO, composition: 'merge' }, ['composition']),
  row('an unknown option', cmlora({ speed: 1 }), ['composition.speed']),
  row("another method's option", { loras: TWO, composition: { method: 'merge', cut: 'outer' } }, ['composition.cut']),
  row('a fraction above 1', cmlora({ phase_at: 1.5 }), ['composition.phase_at']),
  row('an option of the wrong type', cmlora({ phase_at: true }), ['composition.phase_at']),
  row('a bound too many', cmlora({ turn: { bounds: [0, 0.5, 1] } }), ['composition.turn.bounds']),
  row('bounds that fall', cmlora({ turn: { bounds: [0.9, 0.1] } }), ['composition.turn.bounds']),
  row('a cut at a level beyond the U-Net', cmlora({ cut: { level: 4, layers: 1 } }), ['composition.cut.level']),
  row('a cut of more layers than a level has', cmlora({ cut: { level: 0, layers: 4 } }), ['composition.cut.layers']),
  row('an order that names a stranger', cmlora({ order: ['kohya-attention-r4', 'who'] }), ['composition.order']),
  row('an order that leaves one out', cmlora({ order: ['kohya-attention-r4'] }), ['composition.order']),
  row('an unknown format', { output: { format: 'bmp' } }, ['output.format']),
  row('previews every 0 steps', { preview: { every_steps: 0 } }, ['preview.every_steps']),
  row('more previews than are kept', { steps: 150, preview: { every_steps: 1 } }, ['preview.every_steps']),
  jsonRow('an unknown field', { colour: 'red' }, ['colour']),
  ...Object.keys(BAD_LORA_FILES).map((id) => {
    return row(`a LoRA file with ${id.replaceAll('-', ' ')}`, lora(id), ['loras[0].id'], codeOfFile(id));
  }),
];

function codeOfFile(id: string): string {
  if (id === 'no-tensors') return 'lora_no_match';
  return 'malformed_file';
}

let folder: string;
let service: TestService;
let grpc: GrpcClient;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'overtone-bad-'));
  service = await startTestService();
  writeBadLoras(service.settings.loras ?? '');
  grpc = openGrpcClient(service.grpcAddress);
});

afterAll(async () => {
  grpc?.close();
  await service?.close();
  rmSync(folder, { recursive: true, force: true });
});

const requestOf = ({ change }: BadRequest) => JSON.parse(JSON.stringify({ ...SMALL_REQUEST, ...change })) as object;

async function byHttp(request: object, path: string): Promise<ProblemDetails> {
  const response = await postJson(`${service.httpUrl}${path}`, request);
  const problem = (await response.json()) as ProblemDetails;
  expect(response.status).toBe(problem.status);
  return problem;
}

const PROTO = loadSync(['overtone/v1/problem.proto', 'google/rpc/status.proto'], {
  includeDirs: [join(import.meta.dirname, '../../proto')],
  keepCase: true,
});

/** The request as its message, and the problem details in the trailer of the answer. */
async function byGrpc(request: object): Promise<ProblemDetails> {
  const { composition, loras, ...rest } = request as {
    readonly composition?: object;
    readonly loras?: readonly { readonly weight?: number | object }[];
  };
  const message = {
    ...rest,
    ...(composition && { composition: jsonToStruct(composition) }),
    ...(loras && {
      loras: loras.map(({ weight, ...named }) => {
        return typeof weight === 'object' ? { ...named, weights: weight } : { ...named, weight };
      }),
    }),
  };
  const error: CallError = await grpc.call('Plan', message).then(
    () => expect.unreachable('it should be refused'),
    (thrown) => thrown,
  );
  const decode = (name: string, bytes: Buffer) =>
    (PROTO[name] as unknown as { deserialize(bytes: Buffer): Record<string, never> }).deserialize(bytes);
  const [trailer] = error.metadata.get('grpc-status-details-bin');
  const { details } = decode('google.rpc.Status', trailer as Buffer);
  const [{ value }] = details as unknown as [{ value: Buffer }];
  return decode('overtone.v1.ProblemDetails', value) as unknown as ProblemDetails;
}

interface Told {
  readonly exitCode: number;
  readonly problem: ProblemDetails;
}

async function byCli(request: object, flags: readonly string[] = []): Promise<Told> {
  const file = join(folder, 'request.json');
  writeFileSync(file, JSON.stringify(request));
  const { loras = '' } = service.settings;
  let out = '';
  const exitCode = await runCli(
    ['plan', '--model', GOLDEN_CHECKPOINT, '--loras', loras, '--request', file, '--json', ...flags],
    { env: {}, out: (text) => (out += text), err: () => {}, signal: new AbortController().signal },
  );
  return { exitCode, problem: (JSON.parse(out) as { error: ProblemDetails }).error };
}

const essence = ({ code, problems }: ProblemDetails) => ({ code, problems: problems ?? [] });

describe(`${REQUESTS.length} bad requests`, () => {
  test.each(REQUESTS)('$what', async (bad) => {
    const request = requestOf(bad);
    const first = await byHttp(request, '/v1/generations');

    expect(first.code).toBe(bad.code);
    expect([...new Set((first.problems ?? []).map(({ subject }) => subject))]).toEqual(bad.at);
    expect(essence(await byHttp(request, '/v1/generations:plan'))).toEqual(essence(first));
    if (bad.notByGrpc !== true) expect(essence(await byGrpc(request))).toEqual(essence(first));
    const { exitCode, problem } = await byCli(request);
    expect(exitCode).toBe(2);
    expect(essence(problem)).toEqual(essence(first));
  });

  test('are more than 60 with those below', () => {
    expect(REQUESTS.length + CHECKPOINTS.length).toBeGreaterThanOrEqual(60);
    expect(new Set(REQUESTS.map(({ what }) => what)).size).toBe(REQUESTS.length);
  });
});

interface BadCheckpoint {
  readonly what: string;
  readonly file: string;
  readonly change: (json: Record<string, unknown>) => unknown;
  readonly code: string;
}

const spoilt = (what: string, file: string, change: BadCheckpoint['change'], code = 'unsupported_checkpoint') => {
  return { what, file, change, code };
};
const UNET = 'unet/config.json';
const SCHEDULER = 'scheduler/scheduler_config.json';

const CHECKPOINTS: readonly BadCheckpoint[] = [
  spoilt('a U-Net config with a missing number', UNET, ({ cross_attention_dim: _, ...rest }) => rest),
  spoilt('a U-Net config with a negative number', UNET, (json) => ({ ...json, layers_per_block: -2 })),
  spoilt('a U-Net config with a number as text', UNET, (json) => ({ ...json, norm_num_groups: '32' })),
  spoilt('a U-Net of another kind', UNET, (json) => ({ ...json, class_embed_type: 'timestep' })),
  spoilt('channels that the groups do not divide', UNET, (json) => ({ ...json, norm_num_groups: 7 })),
  spoilt('a U-Net wider than its weights', UNET, (json) => ({ ...json, cross_attention_dim: 96 })),
  spoilt('an unknown prediction type', SCHEDULER, (json) => ({ ...json, prediction_type: 'flow' })),
  spoilt('an unknown spacing', SCHEDULER, (json) => ({ ...json, timestep_spacing: 'golden' })),
  spoilt('betas that are no numbers', SCHEDULER, (json) => ({ ...json, beta_end: 'much' })),
  spoilt('another pipeline', 'model_index.json', (json) => ({ ...json, _class_name: 'FluxPipeline' })),
  spoilt('a config that is a list', 'vae/config.json', () => [1], 'malformed_file'),
  spoilt(
    'a shard that the index names and that is not there',
    'unet/diffusion_pytorch_model.safetensors.index.json',
    () => ({ metadata: {}, weight_map: { 'conv_in.weight': 'nowhere.safetensors' } }),
    'malformed_file',
  ),
  spoilt(
    'an index that names itself as its shard',
    'unet/diffusion_pytorch_model.safetensors.index.json',
    () => ({
      metadata: {},
      weight_map: { 'conv_in.weight': 'diffusion_pytorch_model.safetensors.index.json' },
    }),
    'malformed_file',
  ),
];

describe(`${CHECKPOINTS.length} bad checkpoints`, () => {
  test.each(CHECKPOINTS)('$what', async ({ file, change, code }) => {
    const checkpoint = mkdtempSync(join(folder, 'checkpoint-'));
    cpSync(GOLDEN_CHECKPOINT, checkpoint, { recursive: true });
    const path = join(checkpoint, file);
    const isIndex = file.endsWith('.index.json');
    writeFileSync(path, JSON.stringify(change(isIndex ? {} : JSON.parse(readFileSync(path, 'utf8')))));
    if (isIndex) rmSync(path.replace('.index.json', ''));

    const { exitCode, problem } = await byCli(SMALL_REQUEST, ['--model', checkpoint]);
    const engine = openEngine({ checkpoint, loras: undefined, device: 'cpu', threads: 1, logger: SILENT });
    const refusal = await engine.then(() => expect.unreachable('it should not open'), problemDetails);

    expect(exitCode).toBe(2);
    expect(problem.code).toBe(code);
    expect(problem.problems?.length).toBeGreaterThan(0);
    expect(essence(refusal)).toEqual(essence(problem));
  });
});
