import type { LoraKey } from './lora-key.ts';
import type { ModuleNames } from './module-names.ts';
import type { LoraComponent } from './target.ts';

/**
 * Keys with the module's path in them, as diffusers and PEFT have written them over the years:
 *
 *   unet.down_blocks.0.attentions.0.proj_in.lora_A.weight            PEFT, and diffusers today
 *   unet.down_blocks.0.attentions.0.proj_in.lora.down.weight         diffusers before PEFT
 *   text_encoder.text_model.<...>.q_proj.lora_linear_layer.up.weight the same, text encoder
 *   unet.<...>.attn1.processor.to_out_lora.down.weight               diffusers' first attention processors
 *   base_model.model.<...>.lora_A.weight                             a PEFT model saved as it stands
 *
 * A path without a component is the U-Net's. What each spelling means is diffusers' `utils/state_dict_utils.py`.
 */

const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/^text_encoder_2\./, 'SDXL'],
  [/^text_encoder_3\./, 'SD3'],
  [/^(transformer|diffusion_model|lora_transformer)\./, 'Flux, SD3 or another transformer'],
  [/^(unet\.)?(input_blocks|middle_block|output_blocks)\./, 'SDXL'],
];

const PART = /[._](?:(lora_A|lora\.down|lora_linear_layer\.down)|(lora_B|lora\.up|lora_linear_layer\.up))\.weight$/;

/** What the first processors called layers of attention, where the layers have other names. */
const PROCESSOR_LAYERS: Readonly<Record<LoraComponent, ReadonlyMap<string, string>>> = {
  unet: new Map([['to_out', 'to_out.0']]),
  text_encoder: new Map([
    ['to_q', 'q_proj'],
    ['to_k', 'k_proj'],
    ['to_v', 'v_proj'],
    ['to_out', 'out_proj'],
  ]),
};

export function readPeftKey(key: string, names: ModuleNames): LoraKey | undefined {
  const foreign = FOREIGN.find(([pattern]) => pattern.test(key));
  if (foreign !== undefined) return { kind: 'foreign', base: foreign[1] };
  const match = PART.exec(key);
  if (match === null && !key.endsWith('.alpha')) return undefined;
  const part = match === null ? 'alpha' : match[1] === undefined ? 'up' : 'down';
  const written = key.slice(0, match?.index ?? -'.alpha'.length);
  const { component, path } = componentAndPath(written);
  // `to_q_lora` is left as `to_q` by the suffix of the factors and as `to_q_lora` by that of an alpha.
  const isProcessorKey = key[match?.index ?? 0] === '_' || path.endsWith('_lora');
  const name = isProcessorKey ? layerOfProcessor(component, path.replace(/_lora$/, '')) : path;
  const format = /\.lora_[AB]\./.test(key) ? 'peft' : 'diffusers';
  return { kind: 'part', format, part, component, name, target: names.byPath(component, name) };
}

function componentAndPath(written: string): { readonly component: LoraComponent; readonly path: string } {
  const bare = written.replace(/^base_model\.model\./, '').replace(/\.processor\b/, '');
  const [, prefix, rest] = /^(unet|text_encoder)\.(.*)$/.exec(bare) ?? [undefined, undefined, bare];
  const isText = prefix === 'text_encoder' || (prefix === undefined && bare.startsWith('text_model.'));
  return {
    component: isText ? 'text_encoder' : 'unet',
    path: (rest ?? bare).replace(/^base_model\.model\./, ''),
  };
}

/** `<...>.attn1.to_out` to `<...>.attn1.to_out.0`; a path with another end stays. */
function layerOfProcessor(component: LoraComponent, path: string): string {
  const start = path.lastIndexOf('.') + 1;
  const end = path.slice(start);
  return path.slice(0, start) + (PROCESSOR_LAYERS[component].get(end) ?? end);
}
