import type { TSchema } from 'typebox';
import { isObject } from '../core/is-object.ts';

/**
 * What is wrong with a value under a JSON Schema, in words a person can act on, everything at once. Works on the part of JSON
 * Schema that our request schemas use: objects, lists, strings, numbers, booleans, constants and `anyOf`. It reads the schema that types,
 * doors and OpenAPI share, because a validator's own errors are capped, and speak of keywords (`must match a schema in anyOf`).
 */

export interface SchemaProblem {
  /** Where it is: `loras[1].weight`; empty for the value itself. */
  readonly path: string;
  /** `missing`: a required field is absent. `unknown`: the schema has no such field. `value`: the value is not allowed. */
  readonly kind: 'missing' | 'unknown' | 'value';
  readonly value: unknown;
  /** What would be right: `an integer from 1 to 150`; for an unknown field, the fields there are. */
  readonly allowed: string;
}

/** The keywords of JSON Schema that are understood here. */
interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Of fields that are not named. Without it there may be none. */
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  /** Words for what the keywords cannot say themselves, such as a pattern. */
  readonly 'x-allowed'?: string;
}

export function schemaProblems(schema: TSchema, value: unknown): readonly SchemaProblem[] {
  return problemsAt(schema as Schema, value, '');
}

function problemsAt(schema: Schema, value: unknown, path: string): readonly SchemaProblem[] {
  if (schema.anyOf !== undefined) return unionProblems(schema, schema.anyOf, value, path);
  if (schema.type === 'object' && isObject(value)) return objectProblems(schema, value, path);
  if (schema.type === 'array' && Array.isArray(value) && hasFittingLength(schema, value)) {
    return value.flatMap((item, index) => problemsAt(schema.items ?? {}, item, `${path}[${index}]`));
  }
  return isAllowed(schema, value) ? [] : [{ path, kind: 'value', value, allowed: allowedBy(schema) }];
}

/** A union is described by the branch that the writer meant: the one of the same shape, or the one of the same discriminator. */
function unionProblems(
  union: Schema,
  branches: readonly Schema[],
  value: unknown,
  path: string,
): readonly SchemaProblem[] {
  const tag = discriminatorOf(branches);
  if (tag !== undefined && isObject(value)) {
    const meant = branches.find((branch) => branch.properties?.[tag]?.const === value[tag]);
    if (meant !== undefined) return objectProblems(meant, value, path);
    const kind = Object.hasOwn(value, tag) ? 'value' : 'missing';
    const allowed = allowedBy({ enum: branches.map((branch) => branch.properties?.[tag]?.const) });
    return [{ path: field(path, tag), kind, value: value[tag], allowed }];
  }
  const results = branches.map((branch) => problemsAt(branch, value, path));
  if (results.some((problems) => problems.length === 0)) return [];
  // Problems inside the value say more than "must be this or that", so a branch that got inside wins.
  const inside = results.find((problems) => problems.every((problem) => problem.path !== path));
  return inside ?? [{ path, kind: 'value', value, allowed: allowedBy(union) }];
}

/** The field by whose constant a reader tells the branches apart, where there is one. */
function discriminatorOf(branches: readonly Schema[]): string | undefined {
  return Object.keys(branches[0]?.properties ?? {}).find((name) =>
    branches.every((branch) => branch.properties?.[name]?.const !== undefined),
  );
}

function objectProblems(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  path: string,
): readonly SchemaProblem[] {
  const properties = schema.properties ?? {};
  const unnamed = schemaOfUnnamed(schema);
  const given = Object.keys(value).flatMap((name): readonly SchemaProblem[] => {
    const known = Object.hasOwn(properties, name) ? properties[name] : unnamed;
    if (known !== undefined) return problemsAt(known, value[name], field(path, name));
    return [
      { path: field(path, name), kind: 'unknown', value: value[name], allowed: Object.keys(properties).join(', ') },
    ];
  });
  const missing = (schema.required ?? [])
    .filter((name) => !Object.hasOwn(value, name))
    .map((name): SchemaProblem => {
      const allowed = allowedBy(properties[name] ?? {});
      return { path: field(path, name), kind: 'missing', value: undefined, allowed };
    });
  return [...given, ...missing];
}

/** What fields that are not named must be: anything, a schema, or undefined where there may be none. */
function schemaOfUnnamed({ additionalProperties: rule }: Schema): Schema | undefined {
  if (typeof rule === 'object') return rule;
  return rule === true ? {} : undefined;
}

function isAllowed(schema: Schema, value: unknown): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (schema.const !== undefined) return schema.const === value;
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' && hasAllowedText(schema, value);
    case 'number':
    case 'integer':
      return typeof value === 'number' && isAllowedNumber(schema, value);
    case 'boolean':
      return typeof value === 'boolean';
    case undefined:
      return true;
    default:
      // Objects and lists of the right kind were taken apart before.
      return false;
  }
}

function hasAllowedText(schema: Schema, text: string): boolean {
  if (text.length < (schema.minLength ?? 0) || text.length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) {
    return false;
  }
  return schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(text);
}

/** NaN and the infinities cannot come in JSON, but they can by other doors. */
function isAllowedNumber(schema: Schema, number: number): boolean {
  return (
    Number.isFinite(number) &&
    (schema.type !== 'integer' || Number.isInteger(number)) &&
    number >= (schema.minimum ?? Number.NEGATIVE_INFINITY) &&
    number > (schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
    number <= (schema.maximum ?? Number.POSITIVE_INFINITY) &&
    (schema.multipleOf === undefined || number % schema.multipleOf === 0)
  );
}

function hasFittingLength(schema: Schema, list: readonly unknown[]): boolean {
  return list.length >= (schema.minItems ?? 0) && list.length <= (schema.maxItems ?? Number.POSITIVE_INFINITY);
}

function allowedBy(schema: Schema): string {
  if (schema['x-allowed'] !== undefined) return schema['x-allowed'];
  if (schema.anyOf !== undefined) return schema.anyOf.map(allowedBy).join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'integer':
      return `${schema.multipleOf === undefined ? 'an integer' : `a multiple of ${schema.multipleOf}`}${rangeOf(schema)}`;
    case 'number':
      return `a number${rangeOf(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${sizeOf(schema)}`;
    case 'object':
      return `an object with ${Object.keys(schema.properties ?? {}).join(', ')}`;
    default:
      return 'a string';
  }
}

function rangeOf(schema: Schema): string {
  const least = schema.minimum === undefined ? undefined : ` from ${schema.minimum}`;
  const above = schema.exclusiveMinimum === undefined ? undefined : ` above ${schema.exclusiveMinimum}`;
  const most = schema.maximum === undefined ? '' : ` to ${schema.maximum}`;
  return `${least ?? above ?? ''}${above === undefined ? most : most.replace(' to ', ' and at most ')}`;
}

function sizeOf(schema: Schema): string {
  if (schema.minItems !== undefined && schema.minItems === schema.maxItems) return ` of ${schema.minItems}`;
  return schema.maxItems === undefined ? '' : ` of at most ${schema.maxItems}`;
}

function field(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
