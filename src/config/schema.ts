import { API_KEY_PATTERN } from '../contract/api-key.ts';
import { parseNetworks } from './networks.ts';

/**
 * Every setting of every program, once: the variable and the flag that set it, its type, default, unit and meaning. Parsing is in
 * `settings.ts`; nothing else in the code reads the environment. A flag wins over its variable.
 */

export type SettingKind =
  | { readonly type: 'text' }
  | { readonly type: 'choice'; readonly of: readonly string[] }
  /** Matches a pattern, or whatever else can tell; `allowed` says in words what does. */
  | { readonly type: 'pattern'; readonly pattern: { test(text: string): boolean }; readonly allowed: string }
  | { readonly type: 'integer'; readonly min: number; readonly max: number };

export interface Setting {
  readonly env: string;
  readonly flag: string;
  readonly kind: SettingKind;
  /** As a person would write it; undefined where there is none. */
  readonly fallback: string | undefined;
  /** Can also be read from a file (`<env>_FILE`, `<flag>-file`), and is never repeated in a message. */
  readonly secret?: true;
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
    secret: true,
    meaning: 'Redis to use. Without it, `serve` starts a private one; the other programs need it.',
  },
  httpHost: {
    env: 'OVERTONE_HTTP_HOST',
    flag: '--http-host',
    kind: { type: 'text' },
    fallback: '127.0.0.1',
    meaning: 'Address on which HTTP listens. On any but loopback, callers need keys (see --access).',
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
    meaning: 'Address on which gRPC listens. On any but loopback, callers need keys (see --access).',
  },
  grpcPort: {
    env: 'OVERTONE_GRPC_PORT',
    flag: '--grpc-port',
    kind: PORT,
    fallback: '50051',
    meaning: 'Port of gRPC; 0 takes a free one.',
  },
  access: {
    env: 'OVERTONE_ACCESS',
    flag: '--access',
    kind: { type: 'choice', of: ['open', 'keys'] },
    fallback: undefined,
    meaning:
      'Who is served: `open` everybody as one owner, `keys` who has an API key. Without it, `open` where both doors are on loopback and no proxy stands before them, else `keys`.',
  },
  proxies: {
    env: 'OVERTONE_PROXIES',
    flag: '--proxies',
    kind: {
      type: 'pattern',
      pattern: { test: (text) => parseNetworks(text) !== undefined },
      allowed: 'addresses and networks with commas between them, e.g. 10.0.0.7,10.1.0.0/16,fd00::/8',
    },
    fallback: undefined,
    meaning:
      'Reverse proxies that stand before the doors: what they say of a caller (`X-Forwarded-For`, `-Proto`) is believed, and of nobody else. Without it, nobody is.',
  },
  adminKey: {
    env: 'OVERTONE_ADMIN_KEY',
    flag: '--admin-key',
    kind: { type: 'pattern', pattern: API_KEY_PATTERN, allowed: 'a key as `overtone keys generate` prints one' },
    fallback: undefined,
    secret: true,
    meaning: 'A key of the deployment itself, with every scope: the one with which the first others are made.',
  },
  requestsPerMinute: {
    env: 'OVERTONE_REQUESTS_PER_MINUTE',
    flag: '--requests-per-minute',
    kind: { type: 'integer', min: 1, max: 10_000_000 },
    fallback: '600',
    meaning: 'Calls that the keys of one owner may make in a minute, where a key does not say otherwise.',
  },
  strangersPerMinute: {
    env: 'OVERTONE_STRANGERS_PER_MINUTE',
    flag: '--strangers-per-minute',
    kind: { type: 'integer', min: 1, max: 10_000_000 },
    fallback: '600',
    meaning:
      'Calls in a minute that one address may make for which no valid key answers, at each gateway; from loopback, any number. Behind a proxy all callers have its address, unless --proxies names it.',
  },
  picturesPerDay: {
    env: 'OVERTONE_PICTURES_PER_DAY',
    flag: '--pictures-per-day',
    kind: { type: 'integer', min: 1, max: 1_000_000_000 },
    fallback: undefined,
    meaning:
      'Pictures that one owner may ask for in a day (UTC), where a key does not say otherwise. Without it, any number.',
  },
  tlsCertFile: {
    env: 'OVERTONE_TLS_CERT_FILE',
    flag: '--tls-cert-file',
    kind: { type: 'text' },
    fallback: undefined,
    meaning:
      'Certificate chain in PEM. With it and its key, both doors speak TLS alone. Read again while the gateway runs, as its key is.',
  },
  tlsKeyFile: {
    env: 'OVERTONE_TLS_KEY_FILE',
    flag: '--tls-key-file',
    kind: { type: 'text' },
    fallback: undefined,
    meaning: 'Private key of the certificate, in PEM.',
  },
  grpcClientCaFile: {
    env: 'OVERTONE_GRPC_CLIENT_CA_FILE',
    flag: '--grpc-client-ca-file',
    kind: { type: 'text' },
    fallback: undefined,
    meaning:
      'Certificates in PEM: over gRPC, only clients with a certificate that one of these has signed are heard (mTLS).',
  },
  webhooks: {
    env: 'OVERTONE_WEBHOOKS',
    flag: '--webhooks',
    kind: { type: 'choice', of: ['off', 'public', 'any'] },
    fallback: 'off',
    meaning: 'Where webhooks may go: nowhere, to public addresses, or to any address, this network included.',
  },
  traces: {
    env: 'OVERTONE_TRACES',
    flag: '--traces',
    kind: { type: 'pattern', pattern: /^https?:\/\/\S+$/, allowed: 'an http or https URL' },
    fallback: undefined,
    meaning:
      'Where OpenTelemetry traces go: an OTLP/HTTP address such as http://127.0.0.1:4318/v1/traces. Without it, none are made.',
  },
  data: {
    env: 'OVERTONE_DATA',
    flag: '--data',
    kind: { type: 'text' },
    fallback: '.overtone',
    meaning: 'Folder for pictures and, where Redis is private, for its data. Gateway and worker share it.',
  },
  blobs: {
    env: 'OVERTONE_BLOBS',
    flag: '--blobs',
    kind: {
      type: 'pattern',
      pattern: /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w.-]+)*\/?$/,
      allowed: 's3://bucket or s3://bucket/prefix',
    },
    fallback: undefined,
    meaning:
      'Bucket for pictures and uploaded LoRAs, with credentials as every AWS tool finds them. Without it they lie in the data folder.',
  },
  s3Endpoint: {
    env: 'OVERTONE_S3_ENDPOINT',
    flag: '--s3-endpoint',
    kind: { type: 'pattern', pattern: /^https?:\/\/\S+$/, allowed: 'http://host:port or https://host' },
    fallback: undefined,
    meaning: 'Where the bucket is served, if not by AWS itself.',
  },
  s3Region: {
    env: 'OVERTONE_S3_REGION',
    flag: '--s3-region',
    kind: { type: 'text' },
    fallback: 'us-east-1',
    meaning: 'Region of the bucket.',
  },
  cache: {
    env: 'OVERTONE_CACHE',
    flag: '--cache',
    kind: { type: 'text' },
    fallback: undefined,
    meaning:
      'Folder for copies of LoRA files that lie in the bucket; each process on a machine needs its own. Default: in the data folder.',
  },
  cacheMib: {
    env: 'OVERTONE_CACHE_MIB',
    flag: '--cache-mib',
    kind: { type: 'integer', min: 1, max: 16 * 1024 * 1024 },
    fallback: '20480',
    meaning: 'How much those copies may take, in MiB; the least recently used make room.',
  },
  loraMemoryMib: {
    env: 'OVERTONE_LORA_MEMORY',
    flag: '--lora-memory',
    kind: { type: 'integer', min: 1, max: 1024 * 1024 },
    fallback: '4096',
    meaning:
      'How much loaded LoRAs may take in an engine, in MiB, and a quarter of it on top for their copies as the model takes them; the least recently used make room.',
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
  profiles: {
    env: 'OVERTONE_PROFILES',
    flag: '--profiles',
    kind: { type: 'choice', of: ['auto', 'off'] },
    fallback: 'auto',
    meaning:
      "`auto`: a worker measures the frequency profile of every LoRA that it sees for the first time, while nobody's picture is being made. `off`: only when somebody asks.",
  },
  visionUrl: {
    env: 'OVERTONE_VISION_URL',
    flag: '--vision-url',
    kind: {
      type: 'pattern',
      pattern: /^https?:\/\/\S+$/,
      allowed: 'the start of an OpenAI-compatible API, e.g. https://api.openai.com/v1',
    },
    fallback: undefined,
    meaning:
      'Who compares pictures for `overtone evaluate` where a testbed asks for a vision judge. Nothing else uses it.',
  },
  visionKey: {
    env: 'OVERTONE_VISION_KEY',
    flag: '--vision-key',
    kind: { type: 'text' },
    fallback: undefined,
    secret: true,
    meaning: 'The key of that API.',
  },
  logLevel: {
    env: 'OVERTONE_LOG_LEVEL',
    flag: '--log-level',
    kind: { type: 'choice', of: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] },
    fallback: 'info',
    meaning: 'How much is logged, as JSON lines on standard error.',
  },
  healthFile: {
    env: 'OVERTONE_HEALTH_FILE',
    flag: '--health-file',
    kind: { type: 'text' },
    fallback: undefined,
    meaning: 'File in which a worker says again and again how it is, for the health check of its container.',
  },
  resultLifetimeS: {
    env: 'OVERTONE_RESULT_LIFETIME',
    flag: '--result-lifetime',
    kind: { type: 'integer', min: 60, max: 30 * 24 * 3600 },
    fallback: '86400',
    meaning: 'Seconds for which a finished generation and its events can be read.',
  },
  maxWaiting: {
    env: 'OVERTONE_MAX_WAITING',
    flag: '--max-waiting',
    kind: { type: 'integer', min: 1, max: 1_000_000 },
    fallback: '10000',
    meaning: 'Generations that may wait for one model; more are turned away with 503.',
  },
  maxOutstanding: {
    env: 'OVERTONE_MAX_OUTSTANDING',
    flag: '--max-outstanding',
    // Below the first place of low priority, in store/job-journal.ts.
    kind: { type: 'integer', min: 1, max: 900_000 },
    fallback: '1000',
    meaning: 'Generations of one owner that may wait or run; more are turned away with 429.',
  },
  cancelGraceS: {
    env: 'OVERTONE_CANCEL_GRACE',
    flag: '--cancel-grace',
    kind: { type: 'integer', min: 1, max: 3600 },
    fallback: '30',
    meaning: 'Seconds that one call of the model may go on after a cancel; then the engine is killed and starts again.',
  },
  engineSilenceS: {
    env: 'OVERTONE_ENGINE_SILENCE',
    flag: '--engine-silence',
    kind: { type: 'integer', min: 1, max: 86_400 },
    fallback: '900',
    meaning: 'Seconds for which an engine may say nothing of a generation; then it counts as hung, and is killed.',
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
