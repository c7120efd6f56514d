/**
 * What a pass of the U-Net costs, counted layer by layer along the path that `models/unet.ts` builds: multiply-accumulate operations
 * of convolutions, linear layers and attention. Norms and activations are left out, as is usual, and so are LoRAs' own products, a
 * few per cent. The figures of cmlora.md, C.1 and C.2, are its test.
 */

import type { Cut } from '../core/composition/method.ts';
import type { LevelCost, PassCost } from '../core/pass-cost.ts';
import { resnetsAfterCut } from './cache-split.ts';
import type { UnetConfig, UnetLevel } from './configs/unet-config.ts';

/** Costs of the whole U-Net, or of a reuse pass at a cut, of one row with `tokens` positions of text. */
export function unetPassCost(config: UnetConfig, tokens: number, cut?: Cut): PassCost {
  const { time, down, middle, up, out } = partsOf(config, tokens);
  if (cut === undefined) return sum([time, ...down, middle, ...up, out]);
  const count = resnetsAfterCut(cut, config);
  return sum([time, ...down.slice(0, count), ...up.slice(-count), out]);
}

interface UnetParts {
  readonly time: PassCost;
  /** One for each skip, outermost first: what it takes to get there from the skip before. */
  readonly down: readonly PassCost[];
  readonly middle: PassCost;
  /** One for each resnet of the up path, in the order in which they run, with the upsampling after it. */
  readonly up: readonly PassCost[];
  readonly out: PassCost;
}

function partsOf(config: UnetConfig, tokens: number): UnetParts {
  const { levels, layersPerBlock, latentChannels, textWidth } = config;
  const [{ channels: outer }] = levels;
  const depth = levels.length;
  /** As in `models/unet.ts`: the embedding is four times as wide as the outermost level. */
  const timeWidth = 4 * outer;

  const convolution = (level: number, from: number, to: number): PassCost =>
    at(level, depth, { perCell: 9 * from * to });
  /** A resnet and, where the level attends, a transformer. */
  const layer = (level: number, { channels: c }: UnetLevel, from: number, attends: boolean): PassCost => {
    const shortcut = from === c ? 0 : from * c;
    const resnet = at(level, depth, { perCell: 9 * from * c + 9 * c * c + shortcut, fixed: timeWidth * c });
    if (!attends) return resnet;
    // Projections in and out 2, self-attention 4, query and output of cross-attention 2, feed-forward (to 8c, back from 4c) 12.
    const linear = (2 + 4 + 2 + 12) * c * c;
    // Products of queries with keys and of the result with values: with each other cell, and with each token.
    const transformer = at(level, depth, {
      perCell: linear + 2 * tokens * c,
      perCellPair: 2 * c,
      fixed: 2 * tokens * textWidth * c,
    });
    return sum([resnet, transformer]);
  };

  const down = [convolution(0, latentChannels, outer)];
  const skipChannels = [outer];
  let x = outer;
  for (const [index, level] of levels.entries()) {
    for (let i = 0; i < layersPerBlock; i++) {
      down.push(layer(index, level, x, level.downAttention));
      x = level.channels;
      skipChannels.push(x);
    }
    if (index === depth - 1) continue;
    down.push(convolution(index + 1, x, x));
    skipChannels.push(x);
  }

  const deepest = levels.at(-1) ?? levels[0];
  const middle = sum([layer(depth - 1, deepest, x, true), layer(depth - 1, deepest, x, false)]);

  const up: PassCost[] = [];
  for (const [index, level] of [...levels.entries()].reverse()) {
    for (let i = 0; i <= layersPerBlock; i++) {
      const part = layer(index, level, x + (skipChannels.pop() ?? 0), level.upAttention);
      x = level.channels;
      const upsamples = i === layersPerBlock && index > 0;
      up.push(upsamples ? sum([part, convolution(index - 1, x, x)]) : part);
    }
  }
  const time = { fixed: outer * timeWidth + timeWidth * timeWidth, levels: [] };
  return { time, down, middle, up, out: convolution(0, outer, latentChannels) };
}

function at(level: number, depth: number, cost: Partial<LevelCost> & { readonly fixed?: number }): PassCost {
  const { fixed = 0, perCell = 0, perCellPair = 0 } = cost;
  const levels = Array.from({ length: depth }, (_, index) =>
    index === level ? { perCell, perCellPair } : { perCell: 0, perCellPair: 0 },
  );
  return { fixed, levels };
}

function sum(costs: readonly PassCost[]): PassCost {
  const depth = Math.max(...costs.map(({ levels }) => levels.length));
  const total = (of: (cost: PassCost) => number): number => costs.reduce((so, cost) => so + of(cost), 0);
  return {
    fixed: total(({ fixed }) => fixed),
    levels: Array.from({ length: depth }, (_, level) => ({
      perCell: total(({ levels }) => levels[level]?.perCell ?? 0),
      perCellPair: total(({ levels }) => levels[level]?.perCellPair ?? 0),
    })),
  };
}
