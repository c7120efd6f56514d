import { LIMITS } from '../contract/limits.ts';

/**
 * The seconds that a client is prepared to wait for its answer (`Prefer: wait=N`, RFC 7240 4.3), at most `LIMITS.waitSMax`; 0 where it
 * says nothing that can be understood, since a preference may be ignored.
 */
export function preferredWaitS(header: string | readonly string[] | undefined): number {
  const [, seconds] = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})(?=["\s,;]|$)/i.exec(String(header ?? '')) ?? [];
  return Math.min(Number(seconds ?? 0), LIMITS.waitSMax);
}
