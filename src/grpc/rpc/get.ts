import type { Generations } from '../../service/generations.ts';
import { generationToWire } from '../result-to-wire.ts';

export function get(generations: Generations): (request: { readonly id?: string }) => Promise<object> {
  return async ({ id = '' }) => generationToWire(await generations.get(id));
}
