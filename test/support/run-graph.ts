import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { CompiledGraph } from '../../src/compiler/compiled-graph.ts';
import { assert } from '../../src/core/assert.ts';
import { rankBucket, rankOfSet, stackFactors, type WeightedAdapter } from '../../src/core/lora/stack.ts';
import { elementCount, type Tensor } from '../../src/core/tensor/tensor.ts';

/**
 * Runs a compiled graph in ONNX Runtime on the CPU, for tests that ask whether the graph is right. Slow and simple on purpose: the
 * product's own way of running graphs is `src/engine`.
 */

export interface IntegerTensor {
  readonly data: BigInt64Array;
  readonly dims: readonly number[];
}

export type Feeds = Readonly<Record<string, Tensor | IntegerTensor>>;

export interface RunnableGraph {
  readonly graph: CompiledGraph;
  /** Every input must be fed and nothing else. The first output, unless `outputs` is asked for. */
  run(feeds: Feeds): Promise<Tensor>;
  outputs(feeds: Feeds): Promise<Readonly<Record<string, Tensor>>>;
  close(): Promise<void>;
}

/** `directory` is the checkpoint's. `withoutOptimizers` names graph optimizers of the runtime to leave out, separated by semicolons. */
export async function openGraph(
  graph: CompiledGraph,
  directory: string,
  withoutOptimizers = '',
): Promise<RunnableGraph> {
  const session = await InferenceSession.create(graph.bytes, {
    intraOpNumThreads: 2,
    extra: {
      session: { model_external_initializers_file_folder_path: directory },
      optimization: { disable_specified_optimizers: withoutOptimizers },
    },
  });
  const outputs = async (feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> => {
    expectSameNames(Object.keys(feeds), session.inputNames);
    const inputs = Object.entries(feeds).map(([name, tensor]) => [name, runtimeTensor(tensor)] as const);
    const results = await session.run(Object.fromEntries(inputs));
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, plainTensor(value)]));
  };
  return {
    graph,
    outputs,
    close: () => session.release(),
    async run(feeds) {
      const results = await outputs(feeds);
      const first = results[graph.outputs[0]?.name ?? ''];
      assert(first !== undefined, 'a graph has an output');
      return first;
    },
  };
}

export function integers(values: readonly number[], dims: readonly number[] = [values.length]): IntegerTensor {
  return { data: BigInt64Array.from(values.map(BigInt)), dims };
}

/** Feeds for the LoRA inputs of a graph, one set for each group of rows; without sets, rank 0 for all rows. */
export function loraFeeds(graph: CompiledGraph, sets: readonly (readonly WeightedAdapter[])[] = [[]]): Feeds {
  return Object.fromEntries(
    graph.loraTargets.flatMap((target) => {
      const rank = Math.max(...sets.map((set) => rankBucket(rankOfSet(set, target.component))));
      const { a, b } = stackFactors(sets, target, rank);
      return [
        [`${target.module}.lora_A`, a],
        [`${target.module}.lora_B`, b],
      ];
    }),
  );
}

function expectSameNames(given: readonly string[], wanted: readonly string[]): void {
  const missing = wanted.filter((name) => !given.includes(name));
  const unknown = given.filter((name) => !wanted.includes(name));
  assert(missing.length + unknown.length === 0, `inputs missing: ${missing}; not inputs: ${unknown}`);
}

function runtimeTensor({ data, dims }: Tensor | IntegerTensor): RuntimeTensor {
  return data instanceof BigInt64Array
    ? new RuntimeTensor('int64', data, dims)
    : new RuntimeTensor('float32', data, dims);
}

function plainTensor(value: InferenceSession.OnnxValueMapType[string]): Tensor {
  assert(value instanceof RuntimeTensor && value.data instanceof Float32Array, 'graphs give float32 tensors');
  assert(value.data.length === elementCount(value.dims), 'data matches dims');
  return { data: value.data, dims: value.dims };
}
