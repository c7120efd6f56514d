/**
 * The text encoder, as transformers' `CLIPTextModel`: token ids to the hidden states that the U-Net attends to, which are those of
 * the last layer after the final layer norm.
 *
 *   ids int64 [rows, positions]  ->  text [rows, positions, width]
 */

import { clipLayers } from '../blocks/clip-layer.ts';
import { layerNorm } from '../blocks/normalization.ts';
import { type Builder, createBuilder } from '../builder.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type CompiledGraph, type CompileOptions, compileGraph } from '../compiled-graph.ts';
import type { TextEncoderConfig } from '../configs/text-encoder-config.ts';
import type { Tokens } from '../layout.ts';

/**
 * The module's name for itself. LoRA files always use it and LoRA targets carry it, but transformers 5 leaves it out of the names
 * that it saves.
 */
const ROOT = 'text_model';

/** Throws an InputError (`unsupported_checkpoint`) where the weights do not fit the config. */
export function compileTextEncoder(checkpoint: Checkpoint, options: CompileOptions = {}): CompiledGraph {
  const { config, weights } = checkpoint.textEncoder;
  const isPrefixed = [...weights.entries.keys()].some((name) => name.startsWith(`${ROOT}.`));
  const storedName = (name: string): string => (isPrefixed ? name : name.slice(ROOT.length + 1));
  const root = createBuilder({
    name: 'text-encoder',
    weights,
    lora: options.loraInputs === false ? null : 'text_encoder',
    storedName,
    // Beside the layers, files hold the positions' own numbers, and some hold parts of a whole CLIP.
    wholeParts: [storedName(`${ROOT}.encoder.`)],
  });

  const x = textTower(root.at(ROOT), config);
  root.output({ name: 'text', type: 'float32', dims: ['rows', config.positions, config.width] }, x.value);
  return compileGraph(root);
}

/** Token ids to the hidden states behind the final norm. Adds the input `ids`. */
export function textTower(builder: Builder, config: TextEncoderConfig): Tokens {
  const embedded = embed(builder.at('embeddings'), config);
  const x = clipLayers(builder, embedded, config, { causal: true });
  return layerNorm(builder.at('final_layer_norm'), x, config.normEpsilon);
}

function embed(builder: Builder, { vocabularySize, positions, width }: TextEncoderConfig): Tokens {
  const ids = builder.input({ name: 'ids', type: 'int64', dims: ['rows', positions] });
  const table = builder.storedWeight('token_embedding.weight', [vocabularySize, width]);
  // Rows are looked up first and widened then, so that the table, the largest weight, stays as small as it is stored.
  const found = builder.node('Gather', [table, ids], { axis: 0 });
  const token = builder.float32({ name: found.name, type: table.type });
  const position = builder.weight('position_embedding.weight', [positions, width]);
  return { value: builder.node('Add', [token, position], {}), width };
}
