import { assert } from '../core/assert.ts';
import type { AdapterUse } from '../core/lora/adapter.ts';
import type { LoraComponent, LoraTarget } from '../core/lora/target.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import { arrangeRows } from './arrange-rows.ts';
import { type LoraFeeds, setKey } from './lora-feeds.ts';
import type { Feed, Session } from './session.ts';
import { splitRows, stackRows } from './tensor-rows.ts';

/**
 * One call of a graph over rows that each have inputs and LoRAs of their own: puts rows of one LoRA set together, stacks them, feeds
 * each set's factors once, runs, and gives every row its part of the outputs back in the order in which the rows came.
 */

/** A graph that is ready to run. */
export interface LoadedGraph {
  /** Unlike every other graph's of this engine. */
  readonly name: string;
  readonly session: Session;
  readonly component: LoraComponent;
  readonly loraTargets: readonly LoraTarget[];
}

export interface GraphRow {
  /** By input name, each [1, ...]. All rows of a call have the same names and shapes. */
  readonly inputs: ReadonlyMap<string, Feed>;
  /** All rows of a call have sets of one rank bucket. */
  readonly adapters: readonly AdapterUse[];
  /**
   * Whether a layer may see this row as a single position. A product with one position is summed in another order than one with
   * two, so rows of a set must then not be put together: who else has the set would show in the last bits. All rows agree.
   */
  readonly mayBeOnePosition: boolean;
}

/** For each row, the outputs by name, each [1, ...]. */
export async function runRows(
  graph: LoadedGraph,
  rows: readonly GraphRow[],
  outputs: readonly string[],
  loraFeeds: LoraFeeds,
): Promise<readonly ReadonlyMap<string, Tensor>[]> {
  const onePerSet = rows.some(({ mayBeOnePosition }) => mayBeOnePosition);
  const { order, sets } = arrangeRows(
    rows.map(({ adapters }) => setKey(adapters)),
    { onePerSet },
  );
  const arranged = order.map((index) => rowAt(rows, index));
  const feeds = new Map(
    loraFeeds.feedsFor(
      graph,
      sets.map((index) => rowAt(rows, index).adapters),
    ),
  );
  for (const name of rowAt(rows, 0).inputs.keys()) {
    feeds.set(name, stackRows(arranged.map(({ inputs }) => inputOf(inputs, name))));
  }

  const results = await graph.session.run(feeds, outputs);

  const byRow = rows.map(() => new Map<string, Tensor>());
  for (const [name, result] of results) {
    splitRows(result).forEach((part, place) => {
      byRow[order[place] ?? -1]?.set(name, part);
    });
  }
  return byRow;
}

/** An output that was asked for. */
export function outputOf(outputs: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const output = outputs.get(name);
  assert(output !== undefined, `the row has no output ${name}`);
  return output;
}

function rowAt(rows: readonly GraphRow[], index: number): GraphRow {
  const row = rows[index];
  assert(row !== undefined, `the call has no row ${index}`);
  return row;
}

function inputOf(inputs: ReadonlyMap<string, Feed>, name: string): Feed {
  const input = inputs.get(name);
  assert(input !== undefined, `a row of the call has no ${name}`);
  return input;
}
