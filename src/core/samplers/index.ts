import { ddim } from './ddim.ts';
import { euler } from './euler.ts';
import type { SamplerName } from './names.ts';
import type { Sampler } from './sampler.ts';

/** Every sampler by its name. A new one is a file beside this, its name in `names.ts` and a line here; the suite runs by itself. */
export const SAMPLERS: Readonly<Record<SamplerName, Sampler>> = { ddim, euler };
