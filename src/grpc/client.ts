import { type ChannelCredentials, Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ProblemDetails } from '../contract/errors.ts';
import type { GenerationResult } from '../contract/generation-result.ts';
import {
  LORA_SERVICE_NAME,
  type LoraRpcName,
  loadDefinitions,
  type RpcName,
  rpcsOf,
  SERVICE_NAME,
} from './protocol.ts';

/**
 * A client of our own service, for the demo and the tests. Others make theirs from proto/. A call that fails rejects with grpc-js'
 * ServiceError: `code`, `details`, `metadata`.
 */
export interface GrpcClient {
  /** A call with one answer. */
  call(rpc: Exclude<RpcName, 'Generate' | 'Watch'>, request: object): Promise<Readonly<Record<string, unknown>>>;
  /** A call of LoraService with one answer. */
  loras(rpc: Exclude<LoraRpcName, 'Upload'>, request: object): Promise<Readonly<Record<string, unknown>>>;
  /** Sends `start` and then the pieces, no faster than the server takes them. */
  upload(start: object, pieces: Iterable<Uint8Array>): Promise<Readonly<Record<string, unknown>>>;
  /** A stream of events; aborting the signal cancels the call. */
  events(
    rpc: 'Generate' | 'Watch',
    request: object,
    options?: { readonly signal?: AbortSignal; readonly deadline?: Date },
  ): AsyncIterable<GenerationEventMessage>;
  close(): void;
}

/** GenerationEvent as it arrives: exactly one of the events is there, and no field that is empty. */
export interface GenerationEventMessage {
  readonly id: string;
  readonly resume_token?: string;
  readonly queued?: { readonly queue_position?: number };
  readonly started?: { readonly attempt: number; readonly device: string };
  readonly step?: { readonly image?: number; readonly step: number; readonly steps: number; readonly leader?: string };
  readonly preview?: {
    readonly attempt: number;
    readonly image?: number;
    readonly step: number;
    readonly content_type: string;
    readonly width: number;
    readonly height: number;
    readonly data: Buffer;
  };
  readonly image_chunk?: { readonly image?: number; readonly offset?: number; readonly data: Buffer };
  /** Without the fields that are empty or 0, which protobuf does not send. */
  readonly completed?: { readonly result: Partial<GenerationResult> };
  readonly failed?: { readonly error: ProblemDetails };
  readonly cancelled?: object;
}

export function openGrpcClient(
  address: string,
  options: {
    readonly credentials?: ChannelCredentials;
    readonly apiKey?: string;
    /** Sent with every call. */
    readonly idempotencyKey?: string;
  } = {},
): GrpcClient {
  const client = new Client(address, options.credentials ?? credentials.createInsecure());
  const metadata = new Metadata();
  if (options.apiKey !== undefined) metadata.set('authorization', `Bearer ${options.apiKey}`);
  if (options.idempotencyKey !== undefined) metadata.set('idempotency-key', options.idempotencyKey);
  const definitions = loadDefinitions();
  const rpcNamed = (name: string, service = SERVICE_NAME) => {
    const rpc = rpcsOf(definitions, service)[name];
    if (rpc === undefined) throw new Error(`proto/ has no rpc ${name} of ${service}`);
    return rpc;
  };
  const unary = ({ path, requestSerialize, responseDeserialize }: ReturnType<typeof rpcNamed>, request: object) =>
    new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error, response) => {
        if (error !== null) reject(error);
        else resolve({ ...response });
      });
    });
  return {
    call: (name, request) => unary(rpcNamed(name), request),
    loras: (name, request) => unary(rpcNamed(name, LORA_SERVICE_NAME), request),
    async upload(start, pieces) {
      const { path, requestSerialize, responseDeserialize } = rpcNamed('Upload', LORA_SERVICE_NAME);
      let answer: (settled: { readonly error: unknown } | { readonly response: object }) => void = () => {};
      const answered = new Promise<{ readonly error: unknown } | { readonly response: object }>((resolve) => {
        answer = resolve;
      });
      const call = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        (error, response) => answer(error !== null ? { error } : { response: response ?? {} }),
      );
      call.on('error', () => {});
      call.write({ start });
      let isAnswered = false;
      void answered.then(() => {
        isAnswered = true;
        call.emit('drain');
      });
      for (const data of pieces) {
        if (isAnswered) break;
        if (!call.write({ data })) await new Promise((resolve) => call.once('drain', resolve));
      }
      call.end();
      const settled = await answered;
      if ('error' in settled) throw settled.error;
      return { ...settled.response };
    },
    async *events(name, request, { signal, deadline } = {}) {
      const { path, requestSerialize, responseDeserialize } = rpcNamed(name);
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        deadline === undefined ? {} : { deadline },
      );
      const cancel = () => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      try {
        for await (const message of call) yield message;
      } finally {
        signal?.removeEventListener('abort', cancel);
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}
