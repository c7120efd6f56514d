import { join } from 'node:path';
import type { Checkpoint } from '../../src/compiler/checkpoint.ts';
import { loraTargetsOf } from '../../src/compiler/lora-targets.ts';
import type { Adapter } from '../../src/core/lora/adapter.ts';
import { readCheckpoint } from '../../src/files/checkpoint-folder.ts';
import { loadLoraFile } from '../../src/files/lora-file.ts';
import { goldenJson } from './golden-data.ts';

/** The random checkpoint of test/golden and its LoRA files, read as the product reads them. */

const GOLDEN = join(import.meta.dirname, '../golden');

export const GOLDEN_CHECKPOINT = join(GOLDEN, 'checkpoint');

interface ModelManifest {
  readonly unet: { readonly weights: readonly number[] };
  readonly loras: {
    readonly files: readonly {
      readonly name: string;
      readonly unet_modules: number;
      readonly text_encoder_modules: number;
    }[];
  };
}

export const modelManifest = goldenJson('manifest.json') as ModelManifest;

export function readGoldenCheckpoint(): Promise<Checkpoint> {
  return readCheckpoint(GOLDEN_CHECKPOINT);
}

export async function readGoldenLora(name: string, checkpoint: Checkpoint): Promise<Adapter> {
  const { adapter } = await loadLoraFile(join(GOLDEN, 'loras', `${name}.safetensors`), loraTargetsOf(checkpoint));
  return adapter;
}
