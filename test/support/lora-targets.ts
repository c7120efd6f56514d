import type { LoraFile } from '../../src/core/lora/lora-module.ts';
import type { LoraTarget } from '../../src/core/lora/target.ts';

/** Four layers of a small checkpoint, of each kind that matters to LoRA files. */
export const UNET_QUERY: LoraTarget = {
  component: 'unet',
  module: 'down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q',
  inputWidth: 3,
  outputWidth: 5,
};
export const UNET_OUT: LoraTarget = { ...UNET_QUERY, module: UNET_QUERY.module.replace('to_q', 'to_out.0') };
/** A 1x1 convolution in the checkpoint. */
export const UNET_PROJECTION: LoraTarget = { ...UNET_QUERY, module: 'down_blocks.0.attentions.0.proj_in' };
export const TEXT_QUERY: LoraTarget = {
  component: 'text_encoder',
  module: 'text_model.encoder.layers.0.self_attn.q_proj',
  inputWidth: 4,
  outputWidth: 4,
};
export const TARGETS: readonly LoraTarget[] = [UNET_QUERY, UNET_OUT, UNET_PROJECTION, TEXT_QUERY];

/** A file of F32 tensors of these shapes; alphas are its scalars, given by value. */
export function loraFile(
  tensors: Readonly<Record<string, readonly number[]>>,
  rest: {
    readonly alphas?: Readonly<Record<string, number>>;
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): LoraFile {
  const alphas = Object.entries(rest.alphas ?? {});
  return {
    subject: 'ink.safetensors',
    tensors: new Map([
      ...Object.entries(tensors).map(([key, dims]) => [key, { dtype: 'F32', dims }] as const),
      ...alphas.map(([key]) => [key, { dtype: 'F32', dims: [] }] as const),
    ]),
    metadata: rest.metadata ?? {},
    alphas: new Map(alphas),
  };
}
