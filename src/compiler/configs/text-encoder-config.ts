/** `text_encoder/config.json`: what `CLIPTextModel` can be here. */

import { type ClipTowerConfig, readClipTower } from './clip-tower-config.ts';
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
    ...readClipTower(reader, { width: 512, feedForwardWidth: 2048, heads: 8 }),
  };
  return { value, problems: reader.problems };
}
