import { setImmediate } from 'node:timers/promises';
import { everyCut } from '../compiler/cache-split.ts';
import type { Checkpoint } from '../compiler/checkpoint.ts';
import type { CompiledGraph } from '../compiler/compiled-graph.ts';
import { compileTextEncoder } from '../compiler/models/clip-text.ts';
import { compileUnet, featureOutput } from '../compiler/models/unet.ts';
import { compileVaeDecoder } from '../compiler/models/vae-decoder.ts';
import { compileVaeEncoder } from '../compiler/models/vae-encoder.ts';
import { ServiceError } from '../contract/errors.ts';
import type { Cut } from '../core/composition/method.ts';
import type { LoraComponent } from '../core/lora/target.ts';
import { messageOf } from '../core/message-of.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LoadedGraph } from './run-rows.ts';
import { type Device, Session } from './session.ts';
import { cutName, type UnetGraphs } from './unet.ts';
import type { VaeGraphs } from './vae.ts';

/**
 * Compiles a checkpoint's graphs and loads them, one after another, because each needs room for its weights twice for a moment. The
 * whole U-Net is loaded once, whatever cuts requests ask for; the small reuse graph of a cut, and the VAE's encoder, are loaded when the
 * first row needs them.
 */

export interface ModelGraphs {
  readonly textEncoder: LoadedGraph;
  readonly unet: UnetGraphs;
  readonly vae: VaeGraphs;
  close(): Promise<void>;
}

/** Said before a part is loaded, and once more when all are. */
export interface LoadProgress {
  readonly part: string;
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  readonly device: Device;
  /** Threads of one run. */
  readonly threads: number;
  readonly report: (part: string, done: number) => void;
  readonly logger: Logger;
}

/** Throws `unavailable` where the device is not there. Leaves nothing open if it throws. */
export async function loadGraphs(checkpoint: Checkpoint, options: LoadOptions): Promise<ModelGraphs> {
  const { report, logger } = options;
  const sessions: Session[] = [];
  const close = async (): Promise<void> => {
    for (const session of sessions.splice(0)) await session.close();
  };

  const load = async (
    name: string,
    graph: CompiledGraph,
    use: { readonly component: LoraComponent; readonly keepsMemory: boolean },
  ): Promise<LoadedGraph> => {
    const start = performance.now();
    const session = await openSession(graph, checkpoint.directory, { ...options, ...use });
    sessions.push(session);
    logger.debug({ graph: name, ms: Math.round(performance.now() - start) }, 'graph loaded');
    return { name, session, component: use.component, loraTargets: graph.loraTargets };
  };
  const announce = async (part: string, done: number): Promise<void> => {
    report(part, done);
    // Loading blocks the thread, so what was said must be on its way before.
    await setImmediate();
  };

  const unetUse = { component: 'unet', keepsMemory: true } as const;
  try {
    await announce('text encoder', 1);
    const textUse = { component: 'text_encoder', keepsMemory: false } as const;
    const textEncoder = await load('text encoder', compileTextEncoder(checkpoint), textUse);
    await announce('U-Net', 2);
    // Their features are outputs of the full graph; a run copies out those that it asks for.
    const cuts = everyCut(checkpoint.unet.config);
    const full = await load('U-Net', compileUnet(checkpoint, { kind: 'full', cuts }), unetUse);
    await announce('VAE decoder', 3);
    const vaeUse = { component: 'unet', keepsMemory: false } as const;
    const decoder = await load('VAE decoder', compileVaeDecoder(checkpoint), vaeUse);

    const reuse = onceEach(cutName, (cut: Cut) =>
      load(`U-Net reuse ${cutName(cut)}`, compileUnet(checkpoint, { kind: 'reuse', cut }), unetUse),
    );
    const encoder = onceEach(
      (part: string) => part,
      (part) => load(part, compileVaeEncoder(checkpoint), vaeUse),
    );
    const levels = checkpoint.unet.config.levels.length;
    return {
      textEncoder,
      unet: { full, reuse, featureOutput, levels },
      vae: { decoder, encoder: () => encoder('VAE encoder') },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openSession(
  { bytes }: CompiledGraph,
  directory: string,
  { device, threads, keepsMemory }: Pick<LoadOptions, 'device' | 'threads'> & { readonly keepsMemory: boolean },
): Promise<Session> {
  try {
    return await Session.open({ bytes, directory, device, threads, keepsMemory });
  } catch (cause) {
    if (device === 'cpu') throw cause;
    const reason = messageOf(cause);
    throw new ServiceError('unavailable', `device ${device} cannot be used (${reason}); cpu can`, { cause });
  }
}

/** Calls `make` once for each key and gives everybody its promise; what has failed may be tried again. */
function onceEach<Argument, Result>(
  keyOf: (argument: Argument) => string,
  make: (argument: Argument) => Promise<Result>,
): (argument: Argument) => Promise<Result> {
  const made = new Map<string, Promise<Result>>();
  return (argument) => {
    const key = keyOf(argument);
    const known = made.get(key);
    if (known !== undefined) return known;
    const promise = make(argument);
    made.set(key, promise);
    promise.catch(() => made.delete(key));
    return promise;
  };
}
