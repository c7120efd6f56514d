/**
 * A Stable Diffusion 1.x checkpoint as a value: its parsed configs and the headers of its weight files. `files/checkpoint-folder.ts`
 * makes it from a folder; everything in `compiler` takes it from there. No weight is in it, only where each one lies.
 */

import type { SafetensorsEntry } from '../core/safetensors/header.ts';
import type { SchedulerConfig } from '../core/schedule/scheduler-config.ts';
import type { TextEncoderConfig } from './configs/text-encoder-config.ts';
import type { Tokenizer } from './configs/tokenizer.ts';
import type { UnetConfig } from './configs/unet-config.ts';
import type { VaeConfig } from './configs/vae-config.ts';

/** One component's weights, which may lie in several files. */
export interface Weights {
  /** What messages call them: the file, or the index of several, e.g. `unet/diffusion_pytorch_model.safetensors`. */
  readonly subject: string;
  readonly entries: ReadonlyMap<string, StoredWeight>;
}

export interface StoredWeight extends SafetensorsEntry {
  /** Path relative to the checkpoint's `directory`, with links resolved: where external data points. */
  readonly file: string;
}

export interface Component<Config> {
  readonly config: Config;
  readonly weights: Weights;
}

export interface Checkpoint {
  /** The deepest folder that holds every weight file once links are resolved; what sessions resolve external data against. */
  readonly directory: string;
  /** The name of the folder that was opened. */
  readonly id: string;
  /** Over the names and hashes of the weight files and configs. */
  readonly sha256: string;
  readonly textEncoder: Component<TextEncoderConfig>;
  readonly unet: Component<UnetConfig>;
  readonly vae: Component<VaeConfig>;
  readonly scheduler: SchedulerConfig;
  readonly tokenizer: Tokenizer;
}
