import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseSettings, type Settings } from '../config/settings.ts';
import type { GenerationResult } from '../contract/generation-result.ts';
import type { Generation } from '../contract/job.ts';
import { messageOf } from '../core/message-of.ts';
import { openGrpcClient } from '../grpc/client.ts';
import { createLogger } from '../telemetry/logger.ts';
import { withDefaultModel } from './default-model.ts';
import { get, submit } from './demo-http.ts';
import { type MethodSheet, methodSheet } from './demo-methods.ts';
import { jsonLine, report } from './demo-report.ts';
import { startLocalService } from './local-service.ts';
import { sampleRequest } from './sample-request.ts';

/**
 * `npm run demo [-- --json]`: a private service on this machine, one generation with four LoRAs by cmlora, submitted over HTTP and
 * followed over gRPC, its picture in out/demo.png, and what it was made of in words; beside it a contact sheet of the same request by
 * several methods. Leaves no process and no other file behind.
 * Settings go through, so that `--model`, `--loras` and `--device` show one's own.
 */

const PICTURE = 'out/demo.png';
const SHEET = 'out/demo-methods.png';

interface Pictures {
  readonly result: GenerationResult;
  readonly picture: Buffer;
  readonly sheet: MethodSheet;
}

async function demo(): Promise<void> {
  const started = performance.now();
  const argv = process.argv.slice(2);
  const wantsJson = argv.includes('--json');
  const data = await mkdtemp(join(tmpdir(), 'overtone-demo-'));
  try {
    const settings = demoSettings(
      argv.filter((flag) => flag !== '--json'),
      data,
    );
    const { result, picture, sheet } = await makePictures(settings);
    const path = resolve(PICTURE);
    await mkdir(resolve('out'), { recursive: true });
    await writeFile(path, picture);
    await writeFile(resolve(SHEET), sheet.png);
    const seconds = (performance.now() - started) / 1000;
    say(report(result));
    say(`The picture: ${relative('.', path)} (whole demo ${seconds.toFixed(1)} s)`);
    say(`The same seed by ${sheet.names.join(', ')}: ${SHEET}`);
    if (wantsJson) say(jsonLine({ result, path, seconds }));
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

/** Free ports, a private Redis and a folder of its own, whatever the environment says for a real service. */
function demoSettings(argv: readonly string[], data: string): Settings {
  const settings = parseSettings({ OVERTONE_LOG_LEVEL: 'warn', ...process.env }, argv);
  return withDefaultModel({
    ...settings,
    redisUrl: undefined,
    httpHost: '127.0.0.1',
    httpPort: 0,
    grpcHost: '127.0.0.1',
    grpcPort: 0,
    // It is over before anything could be measured, and its request says what there is to say.
    profiles: 'off',
    data,
  });
}

async function makePictures(settings: Settings): Promise<Pictures> {
  say(`Starting Redis, gateway, worker and engine for ${relative('.', settings.model ?? '')} on ${settings.device}`);
  const service = await startLocalService({
    settings,
    logger: createLogger({ program: 'demo', level: settings.logLevel }),
    onProgress: ({ part, done, total }) => say(`  loading ${part} (${done} of ${total})`),
  });
  const interrupted = () => void service.close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  const grpc = openGrpcClient(service.grpcAddress);
  try {
    await service.ready;
    const request = await sampleRequest(settings);
    say(`POST ${service.httpUrl}/v1/generations  ${JSON.stringify(request)}`);
    const { id } = (await submit(service.httpUrl, request)) as { id: string };
    say(`gRPC Watch ${service.grpcAddress}  ${id}`);
    const chunks: Buffer[] = [];
    for await (const event of grpc.events('Watch', { id })) {
      if (event.step !== undefined) showStep(event.step);
      if (event.image_chunk !== undefined) chunks.push(event.image_chunk.data);
      if (event.failed !== undefined) throw new Error(event.failed.error.detail);
    }
    const generation = JSON.parse(`${await get(`${service.httpUrl}/v1/generations/${id}`)}`) as Generation;
    if (generation.result === null) throw new Error(`the generation is ${generation.status}`);
    say('The same request by several methods');
    const sheet = await methodSheet(service.httpUrl, request);
    return { result: generation.result, picture: Buffer.concat(chunks), sheet };
  } finally {
    grpc.close();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await service.close();
  }
}

/** On a terminal one line that moves; elsewhere a line for each quarter. */
function showStep({
  step,
  steps,
  leader,
}: {
  readonly step: number;
  readonly steps: number;
  readonly leader?: string;
}) {
  const text = `  step ${step} of ${steps}${leader === undefined ? '' : `, ${leader} leads`}`;
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}${step === steps ? '\n' : ''}`);
  else if (step === steps || step % Math.ceil(steps / 4) === 0) say(text);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

demo().catch((error: unknown) => {
  process.stderr.write(`demo: ${messageOf(error)}\n`);
  process.exitCode = 1;
});
