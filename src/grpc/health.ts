import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { Health } from '../service/health.ts';
import { SERVICE_NAME } from './protocol.ts';

/** The standard health service, for the whole server (`''`) and the service by name: SERVING while a generation would be served. */

/** How old an answer can be. Watchers of the health service are told this soon. */
const REFRESH_MS = 1_000;

/** Adds the service; the returned function stops the refreshing. */
export function addHealthService(server: Server, health: Health): () => void {
  const implementation = new HealthImplementation({ '': 'NOT_SERVING', [SERVICE_NAME]: 'NOT_SERVING' });
  implementation.addToServer(server);
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const refresh = async () => {
    const { status } = await health.readiness();
    if (isStopped) return;
    for (const name of ['', SERVICE_NAME]) {
      implementation.setStatus(name, status === 'ready' ? 'SERVING' : 'NOT_SERVING');
    }
    timer = setTimeout(refresh, REFRESH_MS);
  };
  // `readiness` answers and never throws.
  void refresh();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
