import { join } from 'node:path';
import { parseGenerationRequest } from '../../src/contract/generation-request.ts';
import type { PipelineEvent } from '../../src/contract/pipeline-event.ts';
import type { ResolvedRequest } from '../../src/contract/resolved-request.ts';
import { type Engine, openEngine } from '../../src/engine/open-engine.ts';
import { openLoraFolder } from '../../src/files/lora-folder.ts';
import { generate } from '../../src/pipeline/generate.ts';
import { resolveRequest } from '../../src/pipeline/resolve-request.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { GOLDEN_CHECKPOINT } from './golden-checkpoint.ts';

/** A real engine on the golden checkpoint, and requests on it as the doors make them. */

export const GOLDEN_LORAS = join(GOLDEN_CHECKPOINT, '../loras');

const THREADS = 2;

/** Another checkpoint of the golden one's shape may stand in its place. */
export function openGoldenEngine(checkpoint = GOLDEN_CHECKPOINT): Promise<Engine> {
  const logger = createLogger({ program: 'test', level: 'silent' });
  return openEngine({ checkpoint, loras: GOLDEN_LORAS, device: 'cpu', threads: THREADS, logger });
}

/** What a client would send, resolved. LoRAs are named by the stems of the golden files. */
export async function resolveGolden(engine: Engine, request: object): Promise<ResolvedRequest> {
  const folder = openLoraFolder(GOLDEN_LORAS);
  const catalog = { inspect: (id: string) => folder.inspect(id, engine.model.loraTargets) };
  const resolved = await resolveRequest(parseGenerationRequest(request), engine.model, catalog, () => 0);
  return resolved.request;
}

export type EventOf<Type extends PipelineEvent['type']> = Extract<PipelineEvent, { readonly type: Type }>;

/** Runs a request to its end. */
export async function picturesOf(
  engine: Engine,
  request: ResolvedRequest,
): Promise<{ readonly images: readonly EventOf<'image'>[]; readonly done: EventOf<'done'> }> {
  const events = generate(request, engine.model, engine, new AbortController().signal, () => 0);
  const images: EventOf<'image'>[] = [];
  for await (const event of events) {
    if (event.type === 'image') images.push(event);
    if (event.type === 'done') return { images, done: event };
  }
  throw new Error('a generation ends with done');
}
