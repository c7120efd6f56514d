/**
 * Every setting of every program, once: the variable and the flag that set it, its type, default, unit and meaning. Parsing is in
 * `settings.ts`; nothing else in the code reads the environment. A flag wins over its variable.
 */

export type SettingKind =
  | { readonly type: 'text' }
  | { readonly type: 'choice'; readonly of: readonly string[] }
  /** Matches a pattern; `allowed` says in words what does. */
  | { readonly type: 'pattern'; readonly pattern: RegExp; readonly allowed: string }
  | { readonly type: 'integer'; readonly min: number; readonly max: number };

export interface Setting {
  readonly env: string;
  readonly flag: string;
  readonly kind: SettingKind;
  /** As a person would write it; undefined where there is none. */
  readonly fallback: string | undefined;
  readonly meaning: string;
}

const PORT = { type: 'integer', min: 0, max: 65_535 } as const;

export const SCHEMA = {
  model: {
    env: 'OVERTONE_MODEL',
    flag: '--model',
    kind: { type: 'text' },
    fallback: undefined,
    meaning:
      'Folder of the checkpoint, in the layout of diffusers. Its name is the id of the model and names the queue.',
  },
  loras: {
    env: 'OVERTONE_LORAS',
    flag: '--loras',
    kind: { type: 'text' },
    fallback: undefined,
    meaning:
      'Folder of LoRA files, read by gateway and worker alike. The id of a LoRA is its file name without ending.',
  },
  redisUrl: {
    env: 'REDIS_URL',
    flag: '--redis',
    kind: {
      type: 'pattern',
      pattern: /^(rediss?:\/\/|\/|\.{0,2}\/)\S+$/,
      allowed: 'redis://host:port, rediss://host:port or the path of a unix socket',
    },
    fallback: undefined,
    meaning: 'Redis to use. Without it, `serve` starts a private one; the other programs need it.',
  },
  httpHost: {
    env: 'OVERTONE_HTTP_HOST',
    flag: '--http-host',
    kind: { type: 'text' },
    fallback: '127.0.0.1',
    meaning: 'Address on which HTTP listens. There are no keys yet: keep it on loopback or behind something that has.',
  },
  httpPort: {
    env: 'OVERTONE_HTTP_PORT',
    flag: '--http-port',
    kind: PORT,
    fallback: '8080',
    meaning: 'Port of HTTP; 0 takes a free one.',
  },
  grpcHost: {
    env: 'OVERTONE_GRPC_HOST',
    flag: '--grpc-host',
    kind: { type: 'text' },
    fallback: '127.0.0.1',
    meaning: 'Address on which gRPC listens.',
  },
  grpcPort: {
    env: 'OVERTONE_GRPC_PORT',
    flag: '--grpc-port',
    kind: PORT,
    fallback: '50051',
    meaning: 'Port of gRPC; 0 takes a free one.',
  },
  data: {
    env: 'OVERTONE_DATA',
    flag: '--data',
    kind: { type: 'text' },
    fallback: '.overtone',
    meaning: 'Folder for pictures and, where Redis is private, for its data. Gateway and worker share it.',
  },
  device: {
    env: 'OVERTONE_DEVICE',
    flag: '--device',
    kind: { type: 'pattern', pattern: /^(cpu|cuda:\d{1,2})$/, allowed: 'cpu or cuda:0, cuda:1, ...' },
    fallback: 'cpu',
    meaning: 'Where a worker runs its model. One worker for each device.',
  },
  concurrency: {
    env: 'OVERTONE_CONCURRENCY',
    flag: '--concurrency',
    kind: { type: 'integer', min: 1, max: 64 },
    fallback: '4',
    meaning: 'Jobs that are live at once in a worker; their rows share calls of the model.',
  },
  threads: {
    env: 'OVERTONE_THREADS',
    flag: '--threads',
    kind: { type: 'integer', min: 1, max: 256 },
    fallback: undefined,
    meaning: 'Threads of one call of the model on a CPU. Without it, ONNX Runtime takes one for each core.',
  },
  logLevel: {
    env: 'OVERTONE_LOG_LEVEL',
    flag: '--log-level',
    kind: { type: 'choice', of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] },
    fallback: 'info',
    meaning: 'How much is logged, as JSON lines on standard error.',
  },
  resultLifetimeS: {
    env: 'OVERTONE_RESULT_LIFETIME',
    flag: '--result-lifetime',
    kind: { type: 'integer', min: 60, max: 30 * 24 * 3600 },
    fallback: '86400',
    meaning: 'Seconds for which a finished generation and its events can be read.',
  },
  drainS: {
    env: 'OVERTONE_DRAIN',
    flag: '--drain',
    kind: { type: 'integer', min: 0, max: 3600 },
    fallback: '20',
    meaning: 'Seconds that running jobs are given to finish at a stop; after that they go back to the queue.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SCHEMA;
