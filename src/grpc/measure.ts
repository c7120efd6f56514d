import { status } from '@grpc/grpc-js';
import type { GatewayMetrics } from '../telemetry/gateway-metrics.ts';

/** Begins to measure a call, `path` as it is on the wire; the returned function ends it with its status. */
export function measureCall(path: string, metrics: GatewayMetrics): (code: status) => void {
  const call = path.replace('/overtone.v1.', '');
  const start = performance.now();
  return (code) => {
    metrics.calls.inc({ door: 'grpc', call, status: status[code] });
    metrics.callSeconds.observe({ door: 'grpc', call }, (performance.now() - start) / 1000);
  };
}
