/** `npm start`: the whole service on this machine until Ctrl-C. Says on standard output where it is and what to try. */
import { withDefaultModel } from './default-model.ts';
import { type LocalService, startLocalService } from './local-service.ts';
import { runProgram } from './program.ts';
import { sampleRequest } from './sample-request.ts';

runProgram('serve', async (settings, logger, fail) => {
  const served = withDefaultModel(settings);
  const service = await startLocalService({ settings: served, logger, onProgress: showLoading });
  const greet = async () => process.stdout.write(welcome(service, await sampleRequest(served)));
  service.ready.then(greet).catch(fail);
  return service;
});

let shown = '';

function showLoading({ part, done, total }: { readonly part: string; readonly done: number; readonly total: number }) {
  const line = `loading ${part} (${done} of ${total})\n`;
  if (line !== shown) process.stdout.write(line);
  shown = line;
}

function welcome({ httpUrl, grpcAddress, wantsKeys }: LocalService, request: object): string {
  // Within single quotes a shell takes all but the quote itself as it is.
  const body = JSON.stringify(request).replaceAll("'", "'\\''");
  const key = wantsKeys ? "-H 'authorization: Bearer KEY' " : '';
  return `
Overtone is ready.
  HTTP  ${httpUrl}
  gRPC  ${grpcAddress}

Try it:
  curl -s ${key}-H 'content-type: application/json' -H 'prefer: wait=60' -d '${body}' ${httpUrl}/v1/generations

Ctrl-C stops it.
`;
}
