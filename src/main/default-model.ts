import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.ts';

/** What is served where nobody names a checkpoint: the project's own small one. The one place that knows where it lies. */

/** The same place from src/main and from dist/main. */
const fromRoot = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const DEFAULT_MODEL = {
  /** A folder in diffusers' layout. */
  checkpoint: fromRoot('demo/checkpoint'),
  /** A folder of LoRA files. */
  loras: fromRoot('demo/loras'),
  /** A JSON request that shows what the model can do. */
  request: fromRoot('demo/request.json'),
} as const;

/** The settings with the default model and its LoRAs, where they name no checkpoint. */
export function withDefaultModel(settings: Settings): Settings {
  if (settings.model !== undefined) return settings;
  const { checkpoint, loras } = DEFAULT_MODEL;
  return { ...settings, model: checkpoint, loras: settings.loras ?? loras };
}
