import Type, { type Static, type TSchema } from 'typebox';

/**
 * What an answer looks like, as JSON Schema for OpenAPI. An answer's type stands where the answer is made; its shape stands here, and
 * does not compile where the two differ. Nothing is checked or cut by a shape while the service runs.
 */

/** A type without `readonly`, which JSON Schema cannot say. */
type Plain<T> = T extends readonly unknown[] | object ? { -readonly [Key in keyof T]: Plain<T[Key]> } : T;

type Agrees<One, Other> = [One] extends [Other]
  ? [Other] extends [One]
    ? unknown
    : 'differs from its type'
  : 'differs from its type';

/** `shape<Answer>()(schema)`: the schema, where it says exactly what the type does. */
export function shape<Answer>(): <Schema extends TSchema>(
  schema: Schema & Agrees<Plain<Static<Schema>>, Plain<Answer>>,
) => Schema {
  return (schema) => schema;
}

/** A shape that the document names once, and the reference that stands for it elsewhere. */
export interface NamedShape<Answer> {
  readonly schema: TSchema;
  readonly ref: ReturnType<typeof Type.Unsafe<Answer>>;
}

export function named<Answer>(name: string, schema: TSchema): NamedShape<Answer> {
  return { schema: { ...schema, $id: name }, ref: Type.Unsafe<Answer>({ $ref: `${name}#` }) };
}

/** Fields of an object; there are no others. */
export const closed = { additionalProperties: false } as const;

export function orNull<Schema extends TSchema>(schema: Schema) {
  return Type.Union([schema, Type.Null()]);
}

export const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const time = Type.String({ format: 'date-time' });
export const count = Type.Integer({ minimum: 0 });
export const texts = Type.Array(Type.String());
