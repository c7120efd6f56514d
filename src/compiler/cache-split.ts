/**
 * Where the U-Net is cut for feature caching, in terms of its up path.
 *
 * The up path is one sequence of resnets, layersPerBlock + 1 for each level, and each consumes one output of the down path, the last
 * one first:
 *
 *   conv_in -> skip 0 ────────────────────────────────────────> resnet n-1 -> conv_out
 *     └─> down 0 -> skips 1, 2, .. ───────────────> resnets .., n-2 ─┘
 *           └─> .. -> skip n-1 -> mid -> resnet 0 -> .. ──┘
 *
 * So a reuse pass that runs the last k resnets needs exactly the first k skips and the cached input of resnet n-k.
 * Specification: cmlora.md, C.1.
 */

import { assert } from '../core/assert.ts';
import type { Cut } from '../core/composition/method.ts';
import type { UnetConfig } from './configs/unet-config.ts';

/** All cuts that there are, the one that computes least first. */
export function everyCut({ levels, layersPerBlock }: UnetConfig): readonly Cut[] {
  return levels.flatMap((_, level) =>
    Array.from({ length: layersPerBlock + 1 }, (_, index) => ({ level, layers: index + 1 })),
  );
}

/** How many of the last resnets of the up path a reuse pass at this cut runs. */
export function resnetsAfterCut({ level, layers }: Cut, unet: UnetConfig): number {
  const perLevel = unet.layersPerBlock + 1;
  const levelCount = unet.levels.length;
  assert(Number.isInteger(level) && level >= 0 && level < levelCount, `cut level ${level} must be below ${levelCount}`);
  assert(
    Number.isInteger(layers) && layers >= 1 && layers <= perLevel,
    `cut layers ${layers} must be 1 to ${perLevel}`,
  );
  return level * perLevel + layers;
}

/** Channels of the cached feature: what the resnet at the cut is fed by the one before it, or by the level below. */
export function featureChannels({ level, layers }: Cut, unet: UnetConfig): number {
  const isFirstOfLevel = layers === unet.layersPerBlock + 1;
  const source = unet.levels[isFirstOfLevel ? Math.min(level + 1, unet.levels.length - 1) : level];
  assert(source !== undefined, `cut level ${level} exists`);
  return source.channels;
}
