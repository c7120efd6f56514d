/** The layers of a whole checkpoint that a LoRA can act on: for the model descriptor and for reading LoRA files. */

import type { LoraTarget } from '../core/lora/target.ts';
import type { Checkpoint } from './checkpoint.ts';
import { compileTextEncoder } from './models/clip-text.ts';
import { compileUnet } from './models/unet.ts';

/** The graphs themselves say it: what is listed here is exactly what has an input there. */
export function loraTargetsOf(checkpoint: Checkpoint): readonly LoraTarget[] {
  return [...compileTextEncoder(checkpoint).loraTargets, ...compileUnet(checkpoint, { kind: 'full' }).loraTargets];
}
