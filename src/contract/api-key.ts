import Type, { type Static, type TSchema } from 'typebox';
import { InputError } from '../core/problem.ts';
import { SCOPES, type Scope } from './principal.ts';
import { shapeProblems } from './request-problems.ts';

/**
 * API keys, `kid.secret`. The first part names the key and may be shown; the second is 256 random bits in base64url, is shown once,
 * and is kept nowhere: what is stored is its SHA-256. A hash without salt or stretching is right for it, because nobody guesses 256
 * bits.
 */

export const API_KEY_PATTERN = /^ot_[0-9a-z]{12}\.[A-Za-z0-9_-]{43}$/;

/** What is stored of a key, under its kid. */
export interface ApiKey {
  readonly kid: string;
  /** Whose things it opens. Keys of one owner share everything, limits too. */
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** In hex. */
  readonly secret_sha256: string;
  readonly created_at: string;
  /** Null: never. */
  readonly expires_at: string | null;
  /** For people. */
  readonly note: string;
  /** Null: as the settings say. */
  readonly requests_per_minute: number | null;
  readonly pictures_per_day: number | null;
}

/** What may be shown of a key. */
export type ShownApiKey = Omit<ApiKey, 'secret_sha256'>;

const closed = { additionalProperties: false } as const;
const YEAR_S = 365 * 24 * 3600;
const MOST = 1_000_000_000;

export const KEY_REQUEST_SCHEMA = Type.Object(
  {
    owner: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,63}$',
      'x-allowed': '1 to 64 of a-z, 0-9, - and _, the first of them a letter or digit',
    }),
    scopes: Type.Array(Type.Enum([...SCOPES]), { minItems: 1, maxItems: SCOPES.length }),
    note: Type.Optional(Type.String({ maxLength: 200, 'x-allowed': 'text of at most 200 characters' })),
    expires_in_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 * YEAR_S })),
    requests_per_minute: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
    pictures_per_day: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
  },
  closed,
);

/** What a new key is to be. */
export type KeyRequest = Static<typeof KEY_REQUEST_SCHEMA>;

export const ROTATION_SCHEMA = Type.Object(
  { overlap_s: Type.Optional(Type.Integer({ minimum: 0, maximum: YEAR_S })) },
  closed,
);

/** How long the old key goes on working beside the new one. */
export type Rotation = Static<typeof ROTATION_SCHEMA>;

/** Throws an InputError with every problem. */
export function parseKeyRequest(value: unknown): KeyRequest {
  return parse(KEY_REQUEST_SCHEMA, value);
}

/** Throws an InputError with every problem. */
export function parseRotation(value: unknown): Rotation {
  return parse(ROTATION_SCHEMA, value);
}

function parse<Schema extends TSchema>(schema: Schema, value: unknown): Static<Schema> {
  const problems = shapeProblems(schema, value);
  if (problems.length > 0) throw new InputError(problems);
  return value as Static<Schema>;
}
