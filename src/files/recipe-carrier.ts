import type { OutputFormat } from '../contract/output.ts';
import type { RecipeCarrier } from './carriers/carrier.ts';
import { JPEG } from './carriers/jpeg.ts';
import { PNG } from './carriers/png.ts';
import { WEBP } from './carriers/webp.ts';

/** What carries the recipe in each kind of picture. */
export const CARRIERS: Readonly<Record<OutputFormat, RecipeCarrier>> = { png: PNG, webp: WEBP, jpeg: JPEG };
