import type { Generations } from '../../service/generations.ts';
import { requestFromWire, type WireRequest } from '../request-from-wire.ts';

export function submit(generations: Generations): (request: WireRequest) => Promise<object> {
  return async (request) => {
    const { id, queuePosition } = await generations.submit(requestFromWire(request));
    return { id, queue_position: queuePosition };
  };
}
