/** `config.json` and `preprocessor_config.json` of a whole CLIP, text and pictures: what `CLIPModel` can be here. */

import { type ClipTowerConfig, readClipTower } from './clip-tower-config.ts';
import { type ConfigReader, type Parsed, readConfig } from './config-reader.ts';
import { parseTextEncoderConfig, type TextEncoderConfig } from './text-encoder-config.ts';

export interface ClipConfig {
  readonly text: TextEncoderConfig;
  readonly vision: VisionConfig;
  /** Width of the space in which texts and pictures meet. */
  readonly embeddingWidth: number;
  /** The token at whose first place a text is read. */
  readonly endTokenId: number;
}

/** Configs written before 2023 say 2, whatever the vocabulary has, and transformers then reads at the largest id, which is the end's. */
export const LEGACY_END_TOKEN_ID = 2;

export interface VisionConfig extends ClipTowerConfig {
  /** Side of the square that the model looks at, in pixels; a multiple of `patchSize`. */
  readonly imageSize: number;
  readonly patchSize: number;
}

/** How pixels become the model's input: (value / 255 - mean) / deviation, for each of red, green and blue. */
export interface PixelScale {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

type Json = Readonly<Record<string, unknown>>;

export function parseClipConfig(json: Json, subject: string): Parsed<ClipConfig> {
  const reader = readConfig(json, subject);
  reader.only({ model_type: 'clip' });
  const textJson = objectAt(reader, 'text_config');
  const text = parseTextEncoderConfig(textJson, `${subject} text_config`);
  const { eos_token_id: endTokenId = LEGACY_END_TOKEN_ID } = textJson;
  const vision = parseVisionConfig(objectAt(reader, 'vision_config'), `${subject} vision_config`);
  const embeddingWidth = reader.count('projection_dim', 512);
  return {
    value: { text: text.value, vision: vision.value, embeddingWidth, endTokenId: Number(endTokenId) },
    problems: [...reader.problems, ...text.problems, ...vision.problems],
  };
}

function parseVisionConfig(json: Json, subject: string): Parsed<VisionConfig> {
  const reader = readConfig(json, subject);
  reader.only({ model_type: 'clip_vision_model', num_channels: 3 });
  const value: VisionConfig = {
    imageSize: reader.count('image_size', 224),
    patchSize: reader.count('patch_size', 32),
    ...readClipTower(reader, { width: 768, feedForwardWidth: 3072, heads: 12 }),
  };
  const { imageSize, patchSize } = value;
  reader.check(
    imageSize % patchSize === 0,
    `patch_size is ${patchSize}; image_size, ${imageSize}, must be a multiple of it`,
  );
  return { value, problems: reader.problems };
}

/** The file also says to which size pictures are brought; that is `image_size` of the model, since it can look at no other. */
export function parsePixelScale(json: Json, subject: string): Parsed<PixelScale> {
  const reader = readConfig(json, subject);
  const three = (key: string, isValid: (value: number) => boolean): readonly number[] => {
    const list = reader.raw(key);
    const isGood = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && isValid(value);
    if (Array.isArray(list) && list.length === 3 && list.every(isGood)) return list;
    reader.refuse(key, 'a list of three numbers, for red, green and blue');
    return [0.5, 0.5, 0.5];
  };
  const value = { mean: three('image_mean', () => true), deviation: three('image_std', (each) => each > 0) };
  return { value, problems: reader.problems };
}

function objectAt(reader: ConfigReader, key: string): Json {
  const value = reader.raw(key);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  reader.refuse(key, 'an object');
  return {};
}
