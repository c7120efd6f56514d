/** Whether a request would be served now, and if not, what is missing. */
export interface Readiness {
  /** `ready`: Redis answers and a worker is ready. `loading`: Redis answers and a worker reads its checkpoint. */
  readonly status: 'ready' | 'loading' | 'unavailable';
  readonly redis: 'ok' | 'unreachable';
  readonly workers: readonly {
    readonly model: string;
    readonly device: string;
    readonly state: 'loading' | 'ready';
    /** What is being loaded, while `loading`. */
    readonly progress?: { readonly part: string; readonly done: number; readonly total: number };
  }[];
}

export interface Health {
  /** Never throws: an unreachable Redis is an answer. */
  readiness(): Promise<Readiness>;
}
