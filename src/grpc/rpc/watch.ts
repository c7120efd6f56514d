import type { Generations } from '../../service/generations.ts';
import type { StreamAnswer } from '../handlers.ts';

interface WatchRequest {
  readonly id?: string;
  readonly resume_token?: string;
}

/** Streams what happens to a generation and leaves it alone: however it ends, the watching went well. */
export function watch(generations: Generations): StreamAnswer<WatchRequest> {
  return async (caller, { id = '', resume_token: resumeToken = '' }, events) => {
    await events.send(generations, caller, id, resumeToken === '' ? undefined : resumeToken);
    return undefined;
  };
}
