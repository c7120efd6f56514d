/** Activations, element by element. */

import type { Builder, Value } from '../builder.ts';

/** x · sigmoid(x). `QuickGelu` computes x · sigmoid(alpha · x) in one pass over memory. */
export function silu(builder: Builder, x: Value): Value {
  return builder.node('QuickGelu', [x], { alpha: 1 });
}

/** What CLIP was trained with: x · sigmoid(1.702 x), as transformers' `QuickGELUActivation`. */
export function quickGelu(builder: Builder, x: Value): Value {
  return builder.node('QuickGelu', [x], { alpha: 1.702 });
}

/** x · Φ(x), by the error function. */
export function gelu(builder: Builder, x: Value): Value {
  return builder.node('Gelu', [x], { approximate: 'none' });
}
