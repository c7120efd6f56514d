import { readdir, readFile } from 'node:fs/promises';
import type { Settings } from '../config/settings.ts';
import { DEFAULT_MODEL } from './default-model.ts';

/** A request that works with what is served: what the demo runs, and what `npm start` prints to paste. */

const LORA_COUNT = 4;
const SUFFIX = '.safetensors';

/** For a checkpoint without a request of its own. */
const PLAIN_REQUEST = { prompt: 'a small house by the sea, evening light', seed: 20_250_204, steps: 20 };

/** Classes taken in turn where a request is put together here: both sets of the method have a part in it. */
const CLASSES = ['high', 'high', 'low', 'low'] as const;

/** As much as the programs look at. */
export interface SampleRequest {
  readonly composition: { readonly method: string };
  readonly [part: string]: unknown;
}

/** The default model's own request; for another checkpoint, the first four LoRAs of its folder at once. */
export async function sampleRequest({ model, loras: folder }: Settings): Promise<SampleRequest> {
  if (model === DEFAULT_MODEL.checkpoint && folder === DEFAULT_MODEL.loras) {
    return JSON.parse(await readFile(DEFAULT_MODEL.request, 'utf8'));
  }
  const files = folder === undefined ? [] : await readdir(folder);
  const ids = files.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
  const loras = ids
    .sort()
    .slice(0, LORA_COUNT)
    .map((id, index) => ({ id, weight: 0.8, frequency_class: CLASSES[index] }));
  return { ...PLAIN_REQUEST, loras, composition: { method: 'cmlora' } };
}
