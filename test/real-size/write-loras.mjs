/** Random LoRAs over all 192 linear layers of Stable Diffusion 1.5's U-Net, in kohya's names, F16: 13.6 MB each at rank 16. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LORA_LAYERS } from './sd15-weights.mjs';
import { writeRandomWeights } from './write-random.mjs';

export function writeLoras(folder, { count, rank }) {
  mkdirSync(folder, { recursive: true });
  return Array.from({ length: count }, (_, index) => {
    const id = `random-${index + 1}`;
    writeRandomWeights(join(folder, `${id}.safetensors`), tensors(rank), 100 + index);
    return id;
  });
}

function tensors(rank) {
  return LORA_LAYERS.flatMap(({ module, dims: [outputWidth, inputWidth, ...kernel] }) => {
    const key = `lora_unet_${module.replaceAll('.', '_')}`;
    return [
      { name: `${key}.lora_down.weight`, dims: [rank, inputWidth, ...kernel], deviation: 1 / Math.sqrt(inputWidth) },
      { name: `${key}.lora_up.weight`, dims: [outputWidth, rank, ...kernel], deviation: 0.05 },
      { name: `${key}.alpha`, dims: [], mean: rank, deviation: 0 },
    ];
  });
}
