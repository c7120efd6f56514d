import type { LoraKey } from './lora-key.ts';
import type { ModuleNames } from './module-names.ts';

/**
 * Keys as kohya's sd-scripts write them, the most common style of all:
 *
 *   lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q.lora_down.weight
 *   lora_te_text_model_encoder_layers_0_self_attn_q_proj.alpha
 *
 * `lora_te1` is the first text encoder, as diffusers reads it; `lora_te2` and the block names of the original SDXL code belong to
 * other base models.
 */

const PREFIX = /^lora_(unet|te1?|te2|te3|transformer|prior)_/;

const PARTS: ReadonlyMap<string, 'down' | 'up' | 'alpha'> = new Map([
  ['lora_down.weight', 'down'],
  ['lora_up.weight', 'up'],
  ['alpha', 'alpha'],
]);

export function readKohyaKey(key: string, names: ModuleNames): LoraKey | undefined {
  const prefix = PREFIX.exec(key);
  const dot = key.indexOf('.');
  if (prefix === null || dot < 0) return undefined;
  const name = key.slice(prefix[0].length, dot);
  const base = foreignBase(prefix[1] ?? '', name);
  if (base !== undefined) return { kind: 'foreign', base };
  const suffix = key.slice(dot + 1);
  const part = PARTS.get(suffix);
  if (part === undefined) return { kind: 'unmatched', reason: `${suffix} is no part of a LoRA of a linear layer` };
  const component = prefix[1] === 'unet' ? 'unet' : 'text_encoder';
  return { kind: 'part', format: 'kohya', part, component, name, target: names.byUnderscoreName(component, name) };
}

function foreignBase(prefix: string, name: string): string | undefined {
  if (prefix === 'te2') return 'SDXL';
  if (prefix === 'te3' || prefix === 'transformer') return 'SD3, Flux or another transformer';
  if (prefix === 'prior') return 'Stable Cascade';
  if (/^(input_blocks|middle_block|output_blocks|label_emb)_/.test(name)) return 'SDXL';
  if (/^(double_blocks|single_blocks|single_transformer_blocks)_/.test(name)) return 'Flux';
  if (/^joint_blocks_/.test(name)) return 'SD3';
  return undefined;
}
