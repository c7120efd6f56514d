import { assert } from '../core/assert.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import type { LoraFeeds } from './lora-feeds.ts';
import { type LoadedGraph, outputOf, runRows } from './run-rows.ts';

/** The autoencoder's two directions, one picture a call: at full size a second one would only cost its memory. No LoRA acts here. */

/** The distribution of a picture's latents, each [1, C, h, w] in the scale of the sampler: mean + deviation * noise is one of them. */
export interface EncodedPicture {
  readonly mean: Tensor;
  readonly deviation: Tensor;
}

export interface Vae {
  /** Latents as the sampler left them, [1, C, h, w], to RGB planes [1, 3, 8h, 8w] in about -1 to 1. */
  decode(latent: Tensor, signal: AbortSignal): Promise<Tensor>;
  /** RGB planes [1, 3, 8h, 8w] in -1 to 1. The encoder is loaded when it is first needed; throws an InputError if it cannot be. */
  encode(planes: Tensor, signal: AbortSignal): Promise<EncodedPicture>;
}

export interface VaeGraphs {
  readonly decoder: LoadedGraph;
  readonly encoder: () => Promise<LoadedGraph>;
}

export function createVae(graphs: VaeGraphs, loraFeeds: LoraFeeds): Vae {
  return {
    async decode(latent, signal) {
      signal.throwIfAborted();
      return outputOf(await run(graphs.decoder, ['latent', latent], ['planes']), 'planes');
    },

    async encode(planes, signal) {
      signal.throwIfAborted();
      const outputs = await run(await graphs.encoder(), ['planes', planes], ['mean', 'deviation']);
      return { mean: outputOf(outputs, 'mean'), deviation: outputOf(outputs, 'deviation') };
    },
  };

  async function run(graph: LoadedGraph, input: readonly [string, Tensor], names: readonly string[]) {
    const row = { inputs: new Map([input]), adapters: [], mayBeOnePosition: false };
    const [outputs] = await runRows(graph, [row], names, loraFeeds);
    assert(outputs !== undefined, 'a call of one row has one result');
    return outputs;
  }
}
