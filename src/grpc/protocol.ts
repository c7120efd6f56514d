import { join } from 'node:path';
import type { ServiceDefinition as ServerDefinition, UntypedHandleCall } from '@grpc/grpc-js';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { type Received, strictly } from './strict-message.ts';

/**
 * The contract in proto/, loaded at start: no generated code. Messages are plain objects with the field names of the proto files,
 * which are those of the JSON contract; a field that was not sent is absent.
 */

/** The same place from src/grpc and from dist/grpc. */
const PROTO_FOLDER = join(import.meta.dirname, '../../proto');

const FILES = ['overtone/v1/generation_service.proto', 'google/rpc/status.proto'];

/** What a server and a client of ours both say of messages. `longs: Number` is exact for all that the contract allows. */
const MESSAGE_SHAPE = { keepCase: true, longs: Number, enums: String, defaults: false } as const;

export interface Protocol {
  /** Its requests arrive unread, as `Received`. */
  readonly service: ServerDefinition<Readonly<Record<RpcName, UntypedHandleCall>>>;
  /** Any message of the contract to its bytes. */
  encode(message: string, value: object): Buffer;
}

export const RPC_NAMES = ['Generate', 'Submit', 'Get', 'Watch', 'Cancel', 'Plan'] as const;
export type RpcName = (typeof RPC_NAMES)[number];

export const SERVICE_NAME = 'overtone.v1.GenerationService';

/** The proto files as they are. */
export function loadDefinitions(): PackageDefinition {
  return loadSync(FILES, { includeDirs: [PROTO_FOLDER], ...MESSAGE_SHAPE });
}

/** The service's rpcs by name. */
export function rpcsOf(definitions: PackageDefinition): ServiceDefinition {
  return definitions[SERVICE_NAME] as ServiceDefinition;
}

/** What a server needs of the proto files. */
export function loadProtocol(): Protocol {
  const definitions = loadDefinitions();
  const messageType = (name: string): MessageTypeDefinition<object, object> | undefined =>
    definitions[name] as MessageTypeDefinition<object, object> | undefined;
  const rpcs = Object.entries(rpcsOf(definitions)).map(([name, rpc]) => [
    name,
    { ...rpc, requestDeserialize: (bytes: Buffer): Received<unknown> => strictly(bytes, rpc.requestType, messageType) },
  ]);
  return {
    service: Object.fromEntries(rpcs),
    encode(name, value) {
      const type = messageType(name);
      if (type === undefined) throw new Error(`proto/ has no message ${name}`);
      return type.serialize(value);
    },
  };
}
