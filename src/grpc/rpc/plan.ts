import type { Generations } from '../../service/generations.ts';
import type { UnaryAnswer } from '../handlers.ts';
import { requestFromWire, type WireRequest } from '../request-from-wire.ts';
import { planToWire } from '../result-to-wire.ts';

export function plan(generations: Generations): UnaryAnswer<WireRequest> {
  return async (caller, request) => planToWire(await generations.plan(caller, requestFromWire(request)));
}
