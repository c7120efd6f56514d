/** What the text tower and the picture tower of a CLIP have in common. */
export interface ClipTowerConfig {
  readonly width: number;
  readonly feedForwardWidth: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu';
  readonly normEpsilon: number;
}
