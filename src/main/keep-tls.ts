import type { Settings } from '../config/settings.ts';
import type { GrpcTls } from '../grpc/renewable-credentials.ts';
import { keepRounds } from '../store/rounds.ts';
import type { Logger } from '../telemetry/logger.ts';
import { readTls } from './read-tls.ts';

/** Certificates are renewed days before they end, so this is soon enough; the files are small. */
export const TLS_PAUSE_MS = 30_000;

/**
 * Reads the files of TLS again and again, and calls `renew` with what is new in them, so that a certificate is replaced without a
 * restart. Files are compared by what is in them: a mounted secret is exchanged by a link, whose own times say nothing. What does not
 * fit together is taken for a renewal that is half done; the one before stays. Returns what stops it.
 */
export function keepTls(options: {
  readonly settings: Settings;
  /** What is used now. */
  readonly tls: GrpcTls;
  readonly renew: (tls: GrpcTls) => void;
  readonly pauseMs: number;
  readonly logger: Logger;
}): () => Promise<void> {
  const { settings, renew, pauseMs, logger } = options;
  let used = options.tls;
  let isWarned = false;
  const round = async () => {
    try {
      const read = await readTls(settings);
      isWarned = false;
      if (read === undefined || isSame(read, used)) return;
      renew(read);
      used = read;
      logger.info('the files of TLS have changed; new connections are made with them');
    } catch (error) {
      if (!isWarned) logger.error({ err: error }, 'the files of TLS have changed and cannot be used; the old ones are');
      isWarned = true;
    }
  };
  return keepRounds(round, () => pauseMs);
}

function isSame(one: GrpcTls, other: GrpcTls): boolean {
  const ca = one.clientCa ?? Buffer.alloc(0);
  return one.cert.equals(other.cert) && one.key.equals(other.key) && ca.equals(other.clientCa ?? Buffer.alloc(0));
}
