import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.ts';

/**
 * What is served where nobody names a checkpoint: the project's own. The one place that knows where it lies. The demo checkpoint
 * is a trained one; until it has been made, the random one of the golden tests stands in, which runs everything and draws nothing.
 */
export interface DefaultModel {
  /** A folder in diffusers' layout. */
  readonly checkpoint: string;
  /** A folder of LoRA files. */
  readonly loras: string;
  /** A JSON request that shows what the model can do, or undefined. */
  readonly demoRequest: string | undefined;
}

/** The same place from src/main and from dist/main. */
const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export function defaultModel(): DefaultModel {
  const checkpoint = fromRoot('demo/checkpoint');
  if (!existsSync(checkpoint)) {
    return {
      checkpoint: fromRoot('test/golden/checkpoint'),
      loras: fromRoot('test/golden/loras'),
      demoRequest: undefined,
    };
  }
  return { checkpoint, loras: fromRoot('demo/loras'), demoRequest: fromRoot('demo/request.json') };
}

/** The settings with the default model and its LoRAs, where they name no checkpoint. */
export function withDefaultModel(settings: Settings): Settings {
  if (settings.model !== undefined) return settings;
  const { checkpoint, loras } = defaultModel();
  return { ...settings, model: checkpoint, loras: settings.loras ?? loras };
}
