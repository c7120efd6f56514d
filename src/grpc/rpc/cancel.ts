import type { Generations } from '../../service/generations.ts';

export function cancel(generations: Generations): (request: { readonly id?: string }) => Promise<object> {
  return async ({ id = '' }) => {
    const { status } = await generations.cancel(id);
    return { status: `CANCEL_STATUS_${status.toUpperCase()}` };
  };
}
