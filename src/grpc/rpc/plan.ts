import type { Generations } from '../../service/generations.ts';
import { requestFromWire, type WireRequest } from '../request-from-wire.ts';
import { planToWire } from '../result-to-wire.ts';

export function plan(generations: Generations): (request: WireRequest) => Promise<object> {
  return async (request) => planToWire(await generations.plan(requestFromWire(request)));
}
