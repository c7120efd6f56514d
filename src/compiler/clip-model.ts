/**
 * A CLIP with both towers as a value: parsed configs, and where each weight lies. `files/clip-folder.ts` makes it from a folder in
 * transformers' layout. Evaluation scores pictures with it; nothing that makes pictures needs it.
 */

import type { Component } from './checkpoint.ts';
import type { ClipConfig, PixelScale } from './configs/clip-config.ts';
import type { Tokenizer } from './configs/tokenizer.ts';

export interface ClipModel extends Component<ClipConfig> {
  /** What sessions resolve external data against. */
  readonly directory: string;
  /** Over the names and hashes of its files. */
  readonly sha256: string;
  readonly tokenizer: Tokenizer;
  readonly pixels: PixelScale;
}
