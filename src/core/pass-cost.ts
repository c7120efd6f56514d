/**
 * What one row of a U-Net costs, in multiply-accumulate operations (MACs), as a function of the picture's size: the part that is the
 * same for every size, and for each level of the U-Net the parts that grow with its cells and, by self-attention, with pairs of them.
 * The compiler counts it (`compiler/unet-cost.ts`), the model descriptor carries it, and a plan reads it.
 */
export interface PassCost {
  readonly fixed: number;
  /** From the outermost level inwards; each has half the side of the one before, rounded up. */
  readonly levels: readonly LevelCost[];
}

export interface LevelCost {
  readonly perCell: number;
  readonly perCellPair: number;
}

/** MACs of one row whose latent is `height` x `width` cells. */
export function macsOf(cost: PassCost, { height, width }: { readonly height: number; readonly width: number }): number {
  return cost.levels.reduce((sum, { perCell, perCellPair }, level) => {
    const cells = Math.ceil(height / 2 ** level) * Math.ceil(width / 2 ** level);
    return sum + perCell * cells + perCellPair * cells ** 2;
  }, cost.fixed);
}
