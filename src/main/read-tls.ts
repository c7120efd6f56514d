import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { SCHEMA } from '../config/schema.ts';
import type { Settings } from '../config/settings.ts';
import { InputError } from '../core/problem.ts';
import type { GrpcTls } from '../grpc/renewable-credentials.ts';

/**
 * The files of TLS, read and tried at start: what is wrong with them is said then, and not to the first client. Undefined where the
 * settings name none.
 */
export async function readTls(settings: Settings): Promise<GrpcTls | undefined> {
  const { tlsCertFile, tlsKeyFile, grpcClientCaFile } = settings;
  if (tlsCertFile === undefined && tlsKeyFile === undefined && grpcClientCaFile === undefined) return undefined;
  const cert = await read('tlsCertFile', tlsCertFile);
  const key = await read('tlsKeyFile', tlsKeyFile);
  const clientCa = grpcClientCaFile === undefined ? undefined : await read('grpcClientCaFile', grpcClientCaFile);
  try {
    createSecureContext({ cert, key, ca: clientCa });
  } catch (cause) {
    throw wrong('tlsCertFile', `does not fit ${SCHEMA.tlsKeyFile.env}, or one of them is no PEM`, cause);
  }
  return { cert, key, clientCa };
}

type FileSetting = 'tlsCertFile' | 'tlsKeyFile' | 'grpcClientCaFile';

async function read(name: FileSetting, path: string | undefined): Promise<Buffer> {
  if (path === undefined) throw wrong(name, 'is missing; the certificate and its key come together');
  try {
    return await readFile(path);
  } catch (cause) {
    throw wrong(name, `is '${path}'; must be a file that can be read`, cause);
  }
}

function wrong(name: FileSetting, what: string, cause?: unknown): InputError {
  const { env, flag } = SCHEMA[name];
  const reason = cause instanceof Error ? `: ${cause.message}` : '';
  return new InputError([{ code: 'invalid_request', subject: env, message: `${env} (or ${flag}) ${what}${reason}` }], {
    cause,
  });
}
