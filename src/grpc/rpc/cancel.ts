import type { Generations } from '../../service/generations.ts';
import type { UnaryAnswer } from '../handlers.ts';

export function cancel(generations: Generations): UnaryAnswer<{ readonly id?: string }> {
  return async (caller, { id = '' }) => {
    const { status } = await generations.cancel(caller, id);
    return { status: `CANCEL_STATUS_${status.toUpperCase()}` };
  };
}
