import type { GenerationPlan } from '../contract/generation-plan.ts';
import type { GenerationResult } from '../contract/generation-result.ts';
import type { Generation } from '../contract/job.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { jsonToStruct } from './struct.ts';

/** Results, generations and plans as messages. The proto files mirror the JSON, so only what protobuf has another word for changes. */

export function generationToWire({ status, request, result, ...rest }: Generation): object {
  return {
    ...rest,
    status: `GENERATION_STATUS_${status.toUpperCase()}`,
    request: resolvedRequestToWire(request),
    result: result === null ? null : resultToWire(result),
  };
}

export function resultToWire(result: GenerationResult): object {
  return { ...result, request: resolvedRequestToWire(result.request) };
}

export function planToWire(plan: GenerationPlan): object {
  return { ...plan, request: resolvedRequestToWire(plan.request) };
}

function resolvedRequestToWire(request: ResolvedRequest): object {
  return { ...request, composition: jsonToStruct(request.composition) };
}
