import { ddim } from './ddim.ts';
import { dpmpp2m } from './dpmpp-2m.ts';
import { euler } from './euler.ts';
import { eulerAncestral } from './euler-ancestral.ts';
import { heun } from './heun.ts';
import type { SamplerName } from './names.ts';
import type { Sampler } from './sampler.ts';

/** Every sampler by its name. A new one is a file beside this, its name in `names.ts` and a line here; the suite runs by itself. */
export const SAMPLERS: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  'dpmpp-2m': dpmpp2m,
  euler,
  'euler-ancestral': eulerAncestral,
  heun,
};
