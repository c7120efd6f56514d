import type { Cut } from '../core/composition/method.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import type { UnetRow } from '../pipeline/ports.ts';
import { type Batcher, createBatcher } from './batcher.ts';
import type { LoraFeeds } from './lora-feeds.ts';
import { type LoadedGraph, outputOf, runRows } from './run-rows.ts';

/**
 * The U-Net's calls: which rows may share one, which graph it runs and what it is fed. A row's result depends on graph, cut, latent
 * size, text length and the rank bucket of its own LoRA set; rows that agree in these get the same bits whoever else is in the call,
 * which test/integration/batching.test.ts holds.
 */

/** A row with what the feature cache holds for it. */
export type UnetTask =
  /** Runs the whole U-Net; `keep` asks for its deep feature at that cut. */
  | { readonly kind: 'full'; readonly row: UnetRow; readonly keep: Cut | null }
  /** Starts from a feature that a full pass has left. */
  | { readonly kind: 'reuse'; readonly row: UnetRow; readonly cut: Cut; readonly feature: Tensor };

export interface UnetOutput {
  readonly prediction: Tensor;
  /** Where the task asked for it. */
  readonly feature: Tensor | null;
}

/** The graphs of one U-Net. A reuse graph is loaded when the first row needs it, and stays. */
export interface UnetGraphs {
  readonly full: LoadedGraph;
  readonly reuse: (cut: Cut) => Promise<LoadedGraph>;
  /** The output of `full` that is the feature at a cut. */
  readonly featureOutput: (cut: Cut) => string;
  /** Resolutions: each is half of the one above. */
  readonly levels: number;
}

/** Rows in a call: more do not make a CPU faster, and a call is how long an abort or a newcomer waits. */
const MAX_ROWS = 8;
/** Latent cells in a call, 4 rows of 512x512 pixels: with 8 a Stable Diffusion 1.5 held 1.1 GB more for good (test/real-size). */
const MAX_CELLS = 4 * 64 * 64;

/** Told of every call that has run. */
export type CallObserver = (kind: UnetTask['kind'], call: { readonly rows: number; readonly ms: number }) => void;

export function createUnet(
  graphs: UnetGraphs,
  loraFeeds: LoraFeeds,
  onCall?: CallObserver,
): Batcher<UnetTask, UnetOutput> {
  return createBatcher({
    groupOf(task) {
      const { latent, text, adapters } = task.row;
      const graph = task.kind === 'full' ? 'full' : `reuse ${cutName(task.cut)}`;
      return [graph, latent.dims, text.dims, loraFeeds.bucketOf(adapters, 'unet')].join(' | ');
    },
    maxRowsOf({ row }) {
      const [, , height = 1, width = 1] = row.latent.dims;
      return Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_CELLS / (height * width))));
    },
    async run(tasks) {
      const start = performance.now();
      const outputs = await runTasks(tasks, graphs, loraFeeds);
      const [first] = tasks;
      if (first !== undefined) onCall?.(first.kind, { rows: tasks.length, ms: performance.now() - start });
      return outputs;
    },
  });
}

export function cutName({ level, layers }: Cut): string {
  return `{${level},${layers}}`;
}

/** Tasks of one group: all full, or all reuse at one cut. */
async function runTasks(
  tasks: readonly UnetTask[],
  graphs: UnetGraphs,
  loraFeeds: LoraFeeds,
): Promise<readonly UnetOutput[]> {
  const [first] = tasks;
  const graph = first?.kind === 'reuse' ? await graphs.reuse(first.cut) : graphs.full;
  const features = new Set(
    tasks.flatMap((task) => (task.kind === 'full' && task.keep !== null ? [graphs.featureOutput(task.keep)] : [])),
  );
  const rows = tasks.map((task) => ({
    inputs: inputsOf(task),
    adapters: task.row.adapters,
    mayBeOnePosition: deepestCells(task.row.latent, graphs.levels) === 1,
  }));
  const results = await runRows(graph, rows, ['prediction', ...features], loraFeeds);
  return results.map((outputs, index) => {
    const task = tasks[index];
    const keep = task?.kind === 'full' ? task.keep : null;
    return {
      prediction: outputOf(outputs, 'prediction'),
      feature: keep === null ? null : outputOf(outputs, graphs.featureOutput(keep)),
    };
  });
}

/** Cells of the smallest feature map, each a position of its attention: 1 for pictures of 64x64 with four levels. */
function deepestCells({ dims: [, , height = 1, width = 1] }: Tensor, levels: number): number {
  const factor = 2 ** (levels - 1);
  return Math.ceil(height / factor) * Math.ceil(width / factor);
}

function inputsOf(task: UnetTask): ReadonlyMap<string, Tensor> {
  const { latent, timestep, text } = task.row;
  const inputs = new Map([
    ['latent', latent],
    ['timestep', { data: Float32Array.of(timestep), dims: [1] }],
    ['text', text],
  ]);
  if (task.kind === 'reuse') inputs.set('feature', task.feature);
  return inputs;
}
