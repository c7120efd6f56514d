/** `npm start`: the whole service on this machine until Ctrl-C. Says on standard output where it is and what to try. */
import { withDefaultModel } from './default-model.ts';
import { startLocalService } from './local-service.ts';
import { runProgram } from './program.ts';

runProgram('serve', async (settings, logger, fail) => {
  const service = await startLocalService({ settings: withDefaultModel(settings), logger, onProgress: showLoading });
  service.ready.then(() => process.stdout.write(welcome(service)), fail);
  return service;
});

let shown = '';

function showLoading({ part, done, total }: { readonly part: string; readonly done: number; readonly total: number }) {
  const line = `loading ${part} (${done} of ${total})\n`;
  if (line !== shown) process.stdout.write(line);
  shown = line;
}

function welcome({ httpUrl, grpcAddress }: { readonly httpUrl: string; readonly grpcAddress: string }): string {
  const body = JSON.stringify({ prompt: 'a lighthouse at dusk' });
  return `
Overtone is ready.
  HTTP  ${httpUrl}
  gRPC  ${grpcAddress}

Try it:
  curl -s -H 'content-type: application/json' -H 'prefer: wait=60' -d '${body}' ${httpUrl}/v1/generations

Ctrl-C stops it.
`;
}
