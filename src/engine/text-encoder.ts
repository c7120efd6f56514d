import type { Tensor } from '../core/tensor/tensor.ts';
import type { TextRow } from '../pipeline/ports.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import type { LoraFeeds } from './lora-feeds.ts';
import { type LoadedGraph, outputOf, runRows } from './run-rows.ts';

/** The text encoder behind its port: token ids to the hidden states that the U-Net attends to. Rows of all jobs share calls. */

const MAX_ROWS = 16;

export function createTextEncoder(graph: LoadedGraph, loraFeeds: LoraFeeds): Batcher<TextRow, Tensor> {
  return createBatcher({
    groupOf: ({ ids, adapters }) => `${ids.length} ids, rank ${loraFeeds.bucketOf(adapters, 'text_encoder')}`,
    maxRowsOf: () => MAX_ROWS,
    async run(rows) {
      const calls = rows.map(({ ids, adapters }) => ({
        inputs: new Map([['ids', { data: BigInt64Array.from(ids, BigInt), dims: [1, ids.length] }]]),
        adapters,
        mayBeOnePosition: ids.length === 1,
      }));
      const results = await runRows(graph, calls, ['text'], loraFeeds);
      return results.map((outputs) => outputOf(outputs, 'text'));
    },
  });
}
