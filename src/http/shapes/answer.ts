import type { TSchema } from 'typebox';

/** The parts of a route's `schema` that say what it sends and takes, as @fastify/swagger reads them. */

/** Headers of an answer, by name, each with what it is for. */
export type Headers = Readonly<Record<string, string>>;

export function json(description: string, schema: TSchema, headers: Headers = {}) {
  return content(description, { 'application/json': { schema } }, headers);
}

/** An answer that is no JSON, of one of some types. */
export function file(description: string, types: readonly string[], headers: Headers = {}) {
  return content(description, Object.fromEntries(types.map((type) => [type, { schema: BYTES }])), headers);
}

export function text(description: string, type: string, headers: Headers = {}) {
  return content(description, { [type]: { schema: { type: 'string' } } }, headers);
}

/** A stream that goes on as long as something happens; the schema is that of each event. */
export function events(description: string, schema: TSchema) {
  return content(description, { 'text/event-stream': { schema } }, {});
}

export function nothing(description: string) {
  return { description, type: 'null' };
}

/** Of OpenAPI 3.1: bytes as they are have no schema of their own. */
export const BYTES = {};

export const LOCATION: Headers = { location: 'Where the generation is.' };

function content(description: string, types: Readonly<Record<string, { schema: unknown }>>, headers: Headers) {
  const described = Object.entries(headers).map(([name, meaning]) => [name, { type: 'string', description: meaning }]);
  return { description, content: types, ...(described.length > 0 && { headers: Object.fromEntries(described) }) };
}
