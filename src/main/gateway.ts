/** The gateway's program: HTTP and gRPC over the queue, for a deployment of several machines. Holds no model. */
import { openGateway } from './open-gateway.ts';
import { runProgram } from './program.ts';

runProgram('gateway', (settings, logger) => openGateway(settings, logger));
