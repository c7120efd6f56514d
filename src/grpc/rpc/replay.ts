import type { Generations } from '../../service/generations.ts';
import type { UnaryAnswer } from '../handlers.ts';

export function replay(generations: Generations): UnaryAnswer<{ readonly id?: string }> {
  return async (caller, { id: earlier = '' }, idempotencyKey) => {
    const { id, queuePosition } = await generations.replay(caller, earlier, idempotencyKey);
    return { id, queue_position: queuePosition };
  };
}
