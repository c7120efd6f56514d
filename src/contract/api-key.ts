import type { Scope } from './principal.ts';

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
