import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Metadata,
  type ServerUnaryCall,
  status,
} from '@grpc/grpc-js';
import { problemDetails } from '../contract/errors.ts';
import type { Principal } from '../contract/principal.ts';
import type { Access } from '../service/access.ts';
import { clientAddress, type IsProxy } from '../service/client-address.ts';
import type { Sender } from '../service/lora-uploads.ts';
import { untilRevoked } from '../service/until-revoked.ts';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { type CallStatus, statusOfError } from './call-status.ts';
import { type EventStream, openEventStream } from './event-stream.ts';
import { measureCall } from './measure.ts';
import type { Protocol } from './protocol.ts';
import { scopesOf } from './rpc-scopes.ts';
import type { Received } from './strict-message.ts';
import { tracedCall } from './trace.ts';
import { openUpload } from './upload-stream.ts';

/** Between grpc-js and the files in rpc/: reads the request, turns what is thrown into a status, logs what is the service's own fault. */

export interface HandlerContext {
  readonly access: Access;
  readonly isProxy: IsProxy;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing;
  readonly protocol: Protocol;
  readonly logger: Logger;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

/** How a call with one answer is answered. */
export type UnaryAnswer<Request> = (caller: Principal, request: Request, idempotencyKey?: string) => Promise<object>;

/** How a call with a stream is answered: resolves with the status to end with, or undefined for OK. */
export type StreamAnswer<Request> = (
  caller: Principal,
  request: Request,
  events: EventStream,
  idempotencyKey?: string,
) => Promise<CallStatus | undefined>;

/** How a call that sends a file is answered. */
export type UploadAnswer = (
  sender: Sender,
  start: Readonly<Record<string, unknown>>,
  content: AsyncIterable<Uint8Array>,
) => Promise<object>;

export function unary<Request>(
  answer: UnaryAnswer<Request>,
  context: HandlerContext,
): handleUnaryCall<Received<Request>, object> {
  const { protocol, logger, metrics, tracing } = context;
  return (call, callback) => {
    const end = measureCall(call.getPath(), metrics);
    const run = () =>
      tracedCall(call, tracing, async () =>
        answer(await admit(call, context), call.request(), idempotencyKeyOf(call.metadata)),
      );
    run().then(
      (response) => {
        end(status.OK);
        callback(null, response);
      },
      (error: unknown) => {
        logFault(error, call.getPath(), logger);
        const answer = statusOfError(error, protocol);
        end(answer.code);
        callback(answer);
      },
    );
  };
}

export function upload(
  answer: UploadAnswer,
  context: HandlerContext,
): handleClientStreamingCall<Received<object>, object> {
  const { protocol, logger, metrics, tracing } = context;
  return (call, callback) => {
    const end = measureCall(call.getPath(), metrics);
    const run = () =>
      tracedCall(call, tracing, async () => {
        const caller = await admit(call, context);
        const { start, content } = await openUpload(call);
        return answer({ caller, readmit: () => readmit(call, context) }, start, content);
      });
    run().then(
      (response) => {
        end(status.OK);
        callback(null, response);
      },
      (error: unknown) => {
        if (!call.cancelled) logFault(error, call.getPath(), logger);
        const refusal = statusOfError(error, protocol);
        end(call.cancelled ? status.CANCELLED : refusal.code);
        callback(refusal);
        // What is still on its way is read and dropped, or the stream would never end.
        call.resume();
      },
    );
  };
}

export function serverStream<Request>(
  stream: StreamAnswer<Request>,
  context: HandlerContext,
): handleServerStreamingCall<Received<Request>, object> {
  const { protocol, logger, metrics, tracing, closing } = context;
  return (call) => {
    const end = measureCall(call.getPath(), metrics);
    // Opened before anything is awaited, or a caller that leaves at once would not be noticed.
    const revoked = new AbortController();
    const events = openEventStream(call, { closing, revoked: revoked.signal });
    const run = () =>
      tracedCall(call, tracing, async () => {
        const caller = await admit(call, context);
        const stop = untilRevoked(
          () => readmit(call, context),
          (error) => revoked.abort(error),
        );
        try {
          return await stream(caller, call.request(), events, idempotencyKeyOf(call.metadata));
        } finally {
          stop();
        }
      });
    run().then(
      (ended) => {
        end(ended?.code ?? status.OK);
        if (ended === undefined) call.end();
        else call.emit('error', ended);
      },
      (error: unknown) => {
        // Whatever fails because the caller has gone has nobody to be told to.
        if (call.cancelled) return end(status.CANCELLED);
        logFault(error, call.getPath(), logger);
        const answer = statusOfError(error, protocol);
        end(answer.code);
        call.emit('error', answer);
      },
    );
  };
}

/** What HTTP's Idempotency-Key header is over gRPC: metadata of the same name. */
function idempotencyKeyOf(metadata: Metadata): string | undefined {
  return metadata.get('idempotency-key')[0]?.toString();
}

type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'getPath' | 'getPeer'>;

/** Who calls, by the credentials in the call's metadata; throws where they do not open this rpc. */
function admit(call: AnyCall, { access, isProxy }: HandlerContext): Promise<Principal> {
  const peer = call.getPeer().replace(/:\d+$/, '');
  const forwardedFor = call.metadata.get('x-forwarded-for').join(',');
  return access.admit(credentialsOf(call), scopesOf(call.getPath()), clientAddress(peer, forwardedFor, isProxy));
}

/** Throws where they would not open it any longer. */
function readmit(call: AnyCall, { access }: HandlerContext): Promise<void> {
  return access.readmit(credentialsOf(call), scopesOf(call.getPath()));
}

function credentialsOf({ metadata }: AnyCall): string | undefined {
  return metadata.get('authorization')[0]?.toString();
}

function logFault(error: unknown, rpc: string, logger: Logger): void {
  if (problemDetails(error).status >= 500) logger.error({ err: error, rpc }, 'a call failed');
}
