import type { Server } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { protoPath as healthProto } from 'grpc-health-check';
import { loadDefinitions } from './protocol.ts';

/** The standard reflection service: a client such as grpcurl needs no copy of proto/ to call ours and the health service. */
export function addReflectionService(server: Server): void {
  new ReflectionService({ ...loadDefinitions(), ...loadSync(healthProto) }).addToServer(server);
}
