import type { RequestedCmlora, RequestedComposition } from '../../src/core/composition/options.ts';

/**
 * A composition as the reference data was made: the Python reference has cmlora's presets `quality` and `fast` as the specification's
 * B.7 began with them (CMLORA-DECISIONS.md, 26 and 27), where a request says nothing else.
 */
export function asReferenceHasIt(composition: RequestedComposition, evaluationCount: number): RequestedComposition {
  return composition.method === 'cmlora' ? cmloraAsReferenceHasIt(composition, evaluationCount) : composition;
}

export function cmloraAsReferenceHasIt(composition: RequestedCmlora, evaluationCount: number): RequestedCmlora {
  if (composition.preset === 'reference' || composition.parity === 'reference') return composition;
  const isFast = composition.preset === 'fast';
  const percent = (share: number) => Math.ceil((share * evaluationCount) / 100);
  return {
    uncond: 'per_lora',
    cut: isFast ? 'outer' : { level: 0, layers: 3 },
    cache: isFast ? 'forecast' : 'feature',
    ...composition,
    weights: { initial: 'n_minus_half', ...composition.weights },
    refresh: {
      policy: isFast ? 'on_turn' : 'oldest_first',
      every: 1,
      max_age: Math.max(3, percent(isFast ? 60 : 12)),
      warm_up: percent(isFast ? 4 : 8),
      ...composition.refresh,
    },
  };
}
