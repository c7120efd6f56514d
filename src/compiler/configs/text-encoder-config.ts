/** `text_encoder/config.json`: what `CLIPTextModel` can be here. */

import type { ClipTowerConfig } from './clip-tower-config.ts';
import { type Parsed, readConfig } from './config-reader.ts';

export interface TextEncoderConfig extends ClipTowerConfig {
  readonly vocabularySize: number;
  /** Tokens of a prompt, padding included: 77 in every CLIP. */
  readonly positions: number;
}

/** The file also holds dozens of keys that transformers writes for every model; they say nothing about this one and are not read. */
export function parseTextEncoderConfig(
  json: Readonly<Record<string, unknown>>,
  subject: string,
): Parsed<TextEncoderConfig> {
  const reader = readConfig(json, subject);
  reader.only({ model_type: 'clip_text_model' });
  const value: TextEncoderConfig = {
    vocabularySize: reader.count('vocab_size', 49408),
    positions: reader.count('max_position_embeddings', 77),
    width: reader.count('hidden_size', 512),
    feedForwardWidth: reader.count('intermediate_size', 2048),
    layers: reader.count('num_hidden_layers', 12),
    heads: reader.count('num_attention_heads', 8),
    activation: reader.choice('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
    normEpsilon: reader.number('layer_norm_eps', 1e-5),
  };
  const { width, heads } = value;
  reader.check(width % heads === 0, `num_attention_heads is ${heads}; hidden_size, ${width}, must be a multiple of it`);
  return { value, problems: reader.problems };
}
