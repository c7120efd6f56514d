/** Every setting of every program, parsed. What each one means, its default and its bounds: `schema.ts`. */
export interface Settings {
  readonly model: string | undefined;
  readonly loras: string | undefined;
  readonly redisUrl: string | undefined;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly grpcHost: string;
  readonly grpcPort: number;
  readonly data: string;
  readonly device: 'cpu' | `cuda:${number}`;
  readonly concurrency: number;
  readonly threads: number | undefined;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  readonly resultLifetimeS: number;
  readonly drainS: number;
}
