import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { macsOf } from '../core/pass-cost.ts';

/**
 * How much a request asks for, for the estimate of when it will be done. Not the exact plan, whose making would cost every request
 * more than the estimate is worth: what the passes of a method come to is in the pace that is measured for its kind.
 */
export interface Work {
  /** 10^9 multiply-accumulate operations of whole passes, as if one ran at every step. */
  readonly amount: number;
  /** Requests of one kind run about as many passes a step. */
  readonly kind: string;
}

export function workOf(request: ResolvedRequest, { passCosts, latentScale }: ModelDescriptor): Work {
  const { width, height, steps, n, composition, loras, sampler, guidance_scale: guidance } = request;
  const macs = macsOf(passCosts.full, { width: width / latentScale, height: height / latentScale });
  return {
    amount: (macs * steps * n) / 1e9,
    kind: `${composition.method}:${loras.length}:${sampler}:${guidance > 1 ? 'guided' : 'plain'}`,
  };
}
