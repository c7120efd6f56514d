import type { TSchema } from 'typebox';
import type { Problem } from '../core/problem.ts';
import { LIMITS } from './limits.ts';
import { type SchemaProblem, schemaProblems } from './schema-problems.ts';

/**
 * Everything that is wrong with a generation request, each as a sentence: what its schema sees, what only a later version knows, and
 * what JSON Schema cannot say (bytes, whole characters, one of two names).
 */

export function requestProblems(schema: TSchema, request: unknown): readonly Problem[] {
  const problems = [
    ...shapeProblems(schema, request),
    ...textProblems(request),
    ...loraNameProblems(request),
    ...qualityProblems(request),
  ];
  const more = problems.length - PROBLEMS_SHOWN;
  if (more <= 0) return problems;
  const message = `request has ${more} more problems`;
  return [...problems.slice(0, PROBLEMS_SHOWN), { code: 'invalid_request', subject: 'request', message }];
}

/** What its schema sees in any request. */
export function shapeProblems(schema: TSchema, request: unknown): readonly Problem[] {
  return schemaProblems(schema, request).map(problemOf);
}

/** More than an honest request can have, and a bound on what a body of nonsense is answered. */
const PROBLEMS_SHOWN = 100;

/** Fields that a later version brings, as paths without indices. */
const LATER_FIELDS: ReadonlySet<string> = new Set(['strict_loras', 'cache']);

function problemOf(problem: SchemaProblem): Problem {
  // A path is as long as the longest name that somebody made up.
  const subject = problem.path === '' ? 'request' : shortened(problem.path);
  return { code: 'invalid_request', subject, message: `${subject} ${complaint(problem)}` };
}

function complaint(problem: SchemaProblem): string {
  const place = problem.path.replace(/\[\d+\]/g, '[]');
  if (problem.kind === 'missing') return `is missing; must be ${problem.allowed}`;
  if (problem.kind === 'unknown') {
    if (LATER_FIELDS.has(place)) return 'is not supported by this version';
    return `is not a field of a request; allowed here are ${problem.allowed}`;
  }
  return `is ${shown(problem.value)}; must be ${problem.allowed}`;
}

const SHOWN_CHARACTERS = 60;

/** A value as a message repeats it: as JSON where it can be, cut short. NaN and the like come by doors other than JSON. */
function shown(value: unknown): string {
  const isJson = typeof value === 'string' || typeof value === 'object';
  return shortened(isJson ? JSON.stringify(value) : String(value));
}

function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

/** What JSON Schema cannot say of a prompt: its size in bytes, and that it holds whole characters. */
function textProblems(request: unknown): readonly Problem[] {
  return ['prompt', 'negative_prompt'].flatMap((subject): readonly Problem[] => {
    const prompt = fieldOf(request, subject);
    if (typeof prompt !== 'string') return [];
    const half = prompt.search(/\p{Surrogate}/u);
    const bytes = new TextEncoder().encode(prompt).byteLength;
    const problems = [
      ...(half < 0 ? [] : [`${subject} holds half of a surrogate pair at ${half}; must be well-formed Unicode`]),
      ...(bytes <= LIMITS.promptBytes ? [] : [`${subject} is ${bytes} bytes; must be at most ${LIMITS.promptBytes}`]),
    ];
    return problems.map((message) => ({ code: 'invalid_request', subject, message }));
  });
}

function loraNameProblems(request: unknown): readonly Problem[] {
  const loras = fieldOf(request, 'loras');
  if (!Array.isArray(loras)) return [];
  return loras.flatMap((lora: unknown, index): readonly Problem[] => {
    const names = ['id', 'name', 'sha256'].filter((name) => fieldOf(lora, name) !== undefined);
    if (names.length === 1 || typeof lora !== 'object' || lora === null) return [];
    const subject = `loras[${index}]`;
    const has = names.length === 0 ? 'has none of id, name and sha256' : `has ${names.join(' and ')}`;
    return [{ code: 'invalid_request', subject, message: `${subject} ${has}; must have exactly one of them` }];
  });
}

/** Whoever names a quality wants a smaller file, and would get the largest. */
function qualityProblems(request: unknown): readonly Problem[] {
  const output = fieldOf(request, 'output');
  const format = fieldOf(output, 'format') ?? 'png';
  if (format !== 'png' || fieldOf(output, 'quality') === undefined) return [];
  const subject = 'output.quality';
  const message = `${subject} is given with a PNG, which keeps every pixel; must be left out, or the format be webp or jpeg`;
  return [{ code: 'invalid_request', subject, message }];
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
