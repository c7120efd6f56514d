import type { ConfigReader } from './config-reader.ts';

/** What the text tower and the picture tower of a CLIP have in common. */
export interface ClipTowerConfig {
  readonly width: number;
  readonly feedForwardWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu';
  readonly normEpsilon: number;
}

/** The defaults are those of transformers, which differ between the towers. */
export function readClipTower(
  reader: ConfigReader,
  defaults: Pick<ClipTowerConfig, 'width' | 'feedForwardWidth' | 'heads'>,
): ClipTowerConfig {
  const tower: ClipTowerConfig = {
    width: reader.count('hidden_size', defaults.width),
    feedForwardWidth: reader.count('intermediate_size', defaults.feedForwardWidth),
    layers: reader.count('num_hidden_layers', 12),
    heads: reader.count('num_attention_heads', defaults.heads),
    activation: reader.choice('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
    normEpsilon: reader.number('layer_norm_eps', 1e-5),
  };
  const { width, heads } = tower;
  reader.check(width % heads === 0, `num_attention_heads is ${heads}; hidden_size, ${width}, must be a multiple of it`);
  return tower;
}
