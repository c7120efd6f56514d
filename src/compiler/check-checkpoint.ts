/**
 * Whether the parts of a checkpoint fit together: configs with one another, and each component's weights with its config. The graphs
 * are the description of the weights, so they are compiled to ask it; no runtime is involved.
 */

import { InputError, type Problem } from '../core/problem.ts';
import type { Checkpoint } from './checkpoint.ts';
import { compileTextEncoder } from './models/clip-text.ts';
import { compileUnet } from './models/unet.ts';
import { compileVaeDecoder } from './models/vae-decoder.ts';

/** Everything that is wrong; empty for a checkpoint that can be served. */
export function checkCheckpoint(checkpoint: Checkpoint): readonly Problem[] {
  return [
    ...configProblems(checkpoint),
    ...problemsOf(() => compileTextEncoder(checkpoint)),
    ...problemsOf(() => compileUnet(checkpoint, { kind: 'full' })),
    ...problemsOf(() => compileVaeDecoder(checkpoint)),
  ];
}

function configProblems({ textEncoder, unet, vae }: Checkpoint): readonly Problem[] {
  const problems: Problem[] = [];
  const mustEqual = (key: string, value: number, other: string, wanted: number): void => {
    if (value === wanted) return;
    const message = `unet/config.json: ${key} is ${value}; must be ${wanted}, as ${other}`;
    problems.push({ code: 'unsupported_checkpoint', subject: 'unet/config.json', message });
  };
  const { textWidth, latentChannels } = unet.config;
  mustEqual('cross_attention_dim', textWidth, 'hidden_size of text_encoder/config.json', textEncoder.config.width);
  mustEqual('in_channels', latentChannels, 'latent_channels of vae/config.json', vae.config.latentChannels);
  return problems;
}

function problemsOf(compile: () => unknown): readonly Problem[] {
  try {
    compile();
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}
