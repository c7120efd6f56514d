import type { Generations } from '../../service/generations.ts';
import type { UnaryAnswer } from '../handlers.ts';
import { requestFromWire, type WireRequest } from '../request-from-wire.ts';

export function submit(generations: Generations): UnaryAnswer<WireRequest> {
  return async (caller, request, idempotencyKey) => {
    const { id, queuePosition } = await generations.submit(caller, requestFromWire(request), idempotencyKey);
    return { id, queue_position: queuePosition };
  };
}
