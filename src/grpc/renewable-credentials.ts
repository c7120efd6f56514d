import { experimental, type ServerCredentials } from '@grpc/grpc-js';

/**
 * Credentials of a server whose certificate can be replaced while it runs. grpc-js has this for files that it watches itself; here
 * whoever reads them tells it, so that both doors change at once and never to a pair that does not fit.
 */
export interface RenewableCredentials {
  readonly credentials: ServerCredentials;
  /** New connections are made with these; those that are open stay as they are. */
  renew(tls: GrpcTls): void;
}

/** All in PEM. */
export interface GrpcTls {
  /** The certificate chain. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Where it is there, clients need a certificate that one of these has signed. */
  readonly clientCa: Buffer | undefined;
}

type Provider = experimental.CertificateProvider;

export function renewableCredentials(tls: GrpcTls): RenewableCredentials {
  let used = tls;
  const identities = new Set<experimental.IdentityCertificateUpdateListener>();
  const authorities = new Set<experimental.CaCertificateUpdateListener>();
  const tellIdentity = (listener: experimental.IdentityCertificateUpdateListener) =>
    listener({ certificate: used.cert, privateKey: used.key });
  const tellAuthority = (listener: experimental.CaCertificateUpdateListener) =>
    listener(used.clientCa === undefined ? null : { caCertificate: used.clientCa });
  const provider: Provider = {
    addIdentityCertificateListener(listener) {
      identities.add(listener);
      // Not before the server that asks has added its own listener, or it would not hear of it.
      process.nextTick(tellIdentity, listener);
    },
    removeIdentityCertificateListener: (listener) => identities.delete(listener),
    addCaCertificateListener(listener) {
      authorities.add(listener);
      process.nextTick(tellAuthority, listener);
    },
    removeCaCertificateListener: (listener) => authorities.delete(listener),
  };
  const wantsClients = tls.clientCa !== undefined;
  // In grpc-js 1.14 the first parameter is the one of the server's own certificate, whatever its name says.
  const credentials = experimental.createCertificateProviderServerCredentials(
    provider,
    wantsClients ? provider : null,
    wantsClients,
  );
  return {
    credentials,
    renew(next) {
      used = next;
      for (const listener of authorities) tellAuthority(listener);
      for (const listener of identities) tellIdentity(listener);
    },
  };
}
