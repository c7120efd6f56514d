import { join } from 'node:path';
import type { ServiceDefinition as ServerDefinition, UntypedHandleCall } from '@grpc/grpc-js';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { LIMITS } from '../contract/limits.ts';
import { strictly } from './strict-message.ts';

/**
 * The contract in proto/, loaded at start: no generated code. Messages are plain objects with the field names of the proto files,
 * which are those of the JSON contract; a field that was not sent is absent.
 */

/** The same place from src/grpc and from dist/grpc. */
const PROTO_FOLDER = join(import.meta.dirname, '../../proto');

const FILES = ['overtone/v1/generation_service.proto', 'overtone/v1/lora_service.proto', 'google/rpc/status.proto'];

/** What a server and a client of ours both say of messages. `longs: Number` is exact for all that the contract allows. */
const MESSAGE_SHAPE = { keepCase: true, longs: Number, enums: String, defaults: false } as const;

export interface Protocol {
  /** Their requests arrive unread, as `Received`. */
  readonly service: ServerDefinition<Readonly<Record<RpcName, UntypedHandleCall>>>;
  readonly loraService: ServerDefinition<Readonly<Record<LoraRpcName, UntypedHandleCall>>>;
  /** Any message of the contract to its bytes. */
  encode(message: string, value: object): Buffer;
}

export const RPC_NAMES = ['Generate', 'Submit', 'Get', 'Watch', 'Cancel', 'Plan', 'Replay'] as const;
export type RpcName = (typeof RPC_NAMES)[number];

export const LORA_RPC_NAMES = ['List', 'Get', 'Upload', 'MeasureProfile', 'Delete'] as const;
export type LoraRpcName = (typeof LORA_RPC_NAMES)[number];

/** A piece of a file, with what frames it. */
export const UPLOAD_MESSAGE_BYTES = LIMITS.uploadChunkBytes + 1024;

export const SERVICE_NAME = 'overtone.v1.GenerationService';
export const LORA_SERVICE_NAME = 'overtone.v1.LoraService';

/** The proto files as they are. */
export function loadDefinitions(): PackageDefinition {
  return loadSync(FILES, { includeDirs: [PROTO_FOLDER], ...MESSAGE_SHAPE });
}

/** A service's rpcs by name. */
export function rpcsOf(definitions: PackageDefinition, service = SERVICE_NAME): ServiceDefinition {
  return definitions[service] as ServiceDefinition;
}

/** What a server needs of the proto files. */
export function loadProtocol(): Protocol {
  const definitions = loadDefinitions();
  const messageType = (name: string): MessageTypeDefinition<object, object> | undefined =>
    definitions[name] as MessageTypeDefinition<object, object> | undefined;
  const strictService = <Name extends string>(service: string) => {
    const rpcs = Object.entries(rpcsOf(definitions, service)).map(([name, rpc]) => {
      // What comes in pieces is a file.
      const maxBytes = rpc.requestStream ? UPLOAD_MESSAGE_BYTES : LIMITS.bodyBytes;
      const read = (bytes: Buffer) => strictly(bytes, rpc.requestType, { types: messageType, maxBytes });
      return [name, { ...rpc, requestDeserialize: read }];
    });
    return Object.fromEntries(rpcs) as ServerDefinition<Readonly<Record<Name, UntypedHandleCall>>>;
  };
  return {
    service: strictService<RpcName>(SERVICE_NAME),
    loraService: strictService<LoraRpcName>(LORA_SERVICE_NAME),
    encode(name, value) {
      const type = messageType(name);
      if (type === undefined) throw new Error(`proto/ has no message ${name}`);
      return type.serialize(value);
    },
  };
}
