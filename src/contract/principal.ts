/**
 * Who calls. A door finds out once, before anything else, and hands it to every use case; what a use case makes belongs to its
 * caller's owner, and a look-up finds what that owner has and nothing else. Not a person and not a key: an owner keeps what it has
 * while its keys come and go.
 */
export interface Principal {
  readonly owner: string;
  readonly scopes: readonly Scope[];
  /** Pictures that its owner may ask for in a day; null: any number. */
  readonly picturesPerDay: number | null;
}

/**
 * `generate`: generations and all that belongs to them. `registry`: changing LoRAs. `metrics`: reading
 * what is measured, and nothing else. `admin`: the service itself, its metrics too.
 */
export const SCOPES = ['generate', 'registry', 'metrics', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Everybody, where the service is open: one owner, who may do everything. */
export const LOCAL: Principal = { owner: 'local', scopes: SCOPES, picturesPerDay: null };
