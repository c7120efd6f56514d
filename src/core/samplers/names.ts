/** Every sampler there is; the registry in `index.ts` is a Record over this union. */
export const SAMPLER_NAMES = ['ddim', 'dpmpp-2m', 'euler', 'euler-ancestral', 'heun'] as const;
export type SamplerName = (typeof SAMPLER_NAMES)[number];
