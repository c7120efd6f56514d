/** What the compiler hands to whoever runs graphs: the model's bytes and what they take and give. */

import type { LoraTarget } from '../core/lora/target.ts';
import type { Builder } from './builder.ts';
import type { GraphTensor } from './graph.ts';
import { loraTargetsOfInputs } from './lora-inputs.ts';
import { writeModel } from './onnx/model-writer.ts';

export interface CompiledGraph {
  /** An ONNX model whose external data is relative to the checkpoint's `directory`. */
  readonly bytes: Uint8Array;
  readonly inputs: readonly GraphTensor[];
  readonly outputs: readonly GraphTensor[];
  /** The layers that take LoRA factors as inputs, in the order in which they run. */
  readonly loraTargets: readonly LoraTarget[];
}

export interface CompileOptions {
  /** False compiles the plain base model, with no LoRA inputs. True by default. */
  readonly loraInputs?: boolean;
}

/** Throws an InputError (`unsupported_checkpoint`) if the checkpoint's weights do not have the shapes that its config asks for. */
export function compileGraph(builder: Builder): CompiledGraph {
  const graph = builder.build();
  return Object.freeze({
    bytes: writeModel(graph),
    inputs: graph.inputs,
    outputs: graph.outputs,
    loraTargets: builder.lora === null ? [] : loraTargetsOfInputs(graph.inputs, builder.lora),
  });
}
