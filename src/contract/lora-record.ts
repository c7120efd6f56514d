import Type, { type Static } from 'typebox';
import type { LoraFormat } from '../core/lora/lora-key.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { CATEGORIES, type Category } from '../core/sequencer/frequency-sets.ts';
import { LIMITS } from './limits.ts';
import { shapeProblems } from './request-problems.ts';

/** An uploaded LoRA as the registry knows it, and what an upload says of its file beside the bytes. */

export interface LoraRecord {
  /** What requests call it; its owner's own, so two owners may have the same. */
  readonly id: string;
  /** For people; unique among its owner's, so that requests may use it as well. */
  readonly name: string;
  /** Of the file, in hex: what it is, whatever it is called. */
  readonly sha256: string;
  readonly bytes: number;
  readonly format: LoraFormat;
  /** The family of base models that it was found to fit, such as `sd1`. */
  readonly base: string;
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  /** What it shows. Settles its frequency class where a request does not. */
  readonly category: Category | null;
  /** Phrases of a prompt that call it. */
  readonly triggers: readonly string[];
  /** The uploader's own words, by names of their own. */
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly uploaded_at: string;
}

/** Ids become parts of URLs and of names in Redis. */
export const LORA_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$';

export const SHA256_PATTERN = '^[0-9a-f]{64}$';

const closed = { additionalProperties: false } as const;

const text = (characters: number) =>
  Type.String({ minLength: 1, maxLength: characters, 'x-allowed': `text of 1 to ${characters} characters` });

export const LORA_UPLOAD_SCHEMA = Type.Object(
  {
    id: Type.Optional(
      Type.String({
        pattern: LORA_ID_PATTERN,
        'x-allowed': '1 to 128 of letters, digits, dot, - and _, the first of them a letter or digit',
      }),
    ),
    name: Type.Optional(text(255)),
    sha256: Type.Optional(Type.String({ pattern: SHA256_PATTERN, 'x-allowed': '64 lower-case hexadecimal digits' })),
    category: Type.Optional(Type.Enum([...CATEGORIES])),
    triggers: Type.Optional(Type.Array(text(255), { maxItems: LIMITS.triggers })),
    metadata: Type.Optional(
      Type.Unsafe<Readonly<Record<string, string>>>(Type.Object({}, { additionalProperties: text(1000) })),
    ),
    /** The model that it is inspected for. */
    model: Type.Optional(text(255)),
  },
  closed,
);

/** What an upload says beside the bytes. Default of `id`: the name of its file, where there is one; of `name`: the id. */
export type LoraUpload = Static<typeof LORA_UPLOAD_SCHEMA>;

/** Throws an InputError with every problem. */
export function parseLoraUpload(value: unknown): LoraUpload {
  const problems = [...shapeProblems(LORA_UPLOAD_SCHEMA, value), ...metadataProblems(value)];
  if (problems.length > 0) throw new InputError(problems);
  return value as LoraUpload;
}

function metadataProblems(value: unknown): readonly Problem[] {
  const metadata = typeof value === 'object' && value !== null && 'metadata' in value ? value.metadata : undefined;
  const count = typeof metadata === 'object' && metadata !== null ? Object.keys(metadata).length : 0;
  if (count <= LIMITS.metadataFields) return [];
  const message = `metadata has ${count} fields; must be at most ${LIMITS.metadataFields}`;
  return [{ code: 'invalid_request', subject: 'metadata', message }];
}
