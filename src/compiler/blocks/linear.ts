/** A linear layer, y = x·Wᵀ + b, with the LoRA term of the rows' adapters where the layer is a target. */

import type { Builder } from '../builder.ts';
import type { Tokens } from '../layout.ts';
import { addLoraTerm } from '../lora-inputs.ts';

export interface LinearOptions {
  readonly width: number;
  readonly bias: boolean;
}

/** Of the module that the builder stands at. LoRAs can act on it. */
export function linear(builder: Builder, x: Tokens, options: LinearOptions): Tokens {
  const product = addLoraTerm(builder, x, multiply(builder, x, options.width));
  return options.bias ? addBias(builder, product) : product;
}

/** The same where no LoRA acts: time embeddings, which diffusers and kohya leave alone too. `x` may be [rows, width]. */
export function fixedLinear(builder: Builder, x: Tokens, width: number): Tokens {
  return addBias(builder, multiply(builder, x, width));
}

function multiply(builder: Builder, x: Tokens, width: number): Tokens {
  // torch keeps [out, in]; the runtime folds the transposition into the weight when it loads the graph.
  const weight = builder.node('Transpose', [builder.weight('weight', [width, x.width])], { perm: [1, 0] });
  return { value: builder.node('MatMul', [x.value, weight], {}), width };
}

function addBias(builder: Builder, x: Tokens): Tokens {
  return { value: builder.node('Add', [x.value, builder.weight('bias', [x.width])], {}), width: x.width };
}
