import type { JobEvent, StoredJobEvent } from '../contract/job-event.ts';
import { resultToWire } from './result-to-wire.ts';

/** A job's event as a GenerationEvent: the name of the event becomes the member of the oneof. */
export function eventToWire(id: string, { id: resumeToken, event }: StoredJobEvent): object {
  return { id, resume_token: resumeToken, [event.type]: contentOf(event) };
}

function contentOf(event: JobEvent): object {
  if (event.type === 'completed') return { result: resultToWire(event.result) };
  if (event.type === 'preview') return { ...event, data: Buffer.from(event.data, 'base64') };
  const { type: _, ...content } = event;
  return content;
}
