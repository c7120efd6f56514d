/** One server-sent event, parsed as a browser would. */
export interface SentEvent {
  readonly id: string;
  readonly name: string;
  readonly data: { readonly type: string; readonly [key: string]: unknown };
}

/** The events of a stream, to its end. Comments and `retry` are left out. */
export async function* readEvents(response: Response): AsyncGenerator<SentEvent, void, void> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    rest += decoder.decode(bytes, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    yield* blocks.flatMap(eventOf);
  }
}

/** The events that are whole in a text, from its start. */
export function parseEvents(text: string): readonly SentEvent[] {
  return text.split('\n\n').slice(0, -1).flatMap(eventOf);
}

/** None for a comment or `retry`. */
function eventOf(block: string): readonly SentEvent[] {
  const fields = Object.fromEntries(block.split('\n').map((line) => splitField(line)));
  if (fields.data === undefined) return [];
  return [{ id: fields.id ?? '', name: fields.event ?? '', data: JSON.parse(fields.data) }];
}

/** All events of a stream, once it has ended. */
export async function allEvents(response: Response): Promise<readonly SentEvent[]> {
  const events: SentEvent[] = [];
  for await (const event of readEvents(response)) events.push(event);
  return events;
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}
