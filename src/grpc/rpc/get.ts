import type { Generations } from '../../service/generations.ts';
import type { UnaryAnswer } from '../handlers.ts';
import { generationToWire } from '../result-to-wire.ts';

export function get(generations: Generations): UnaryAnswer<{ readonly id?: string }> {
  return async (caller, { id = '' }) => generationToWire(await generations.get(caller, id));
}
