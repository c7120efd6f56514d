/**
 * Which of the two sets leads at an evaluation (cmlora.md, B.7). Offline the trajectory's fraction decides; online the latent does, by
 * its high band m against a threshold g: as long as it is fine enough, the first set leads. Knows nothing of who is in a set.
 */

/** Offline: the first phase (0) below `phaseAt`, the second (1) from there on. */
export function offlinePhase(u: number, phaseAt: number): Phase {
  return u < phaseAt ? 0 : 1;
}

export type Phase = 0 | 1;

export interface OnlinePhase {
  readonly phase: Phase;
  /** For how many evaluations it has lasted, this one included. */
  readonly evaluations: number;
}

/** A phase lasts this many evaluations at least (B.7). */
const LEAST_DWELL = 5;

/** Hysteresis: back to the first phase only where m is this much above the threshold at which it was left. */
const RETURN_AT = 1.1;

/** m is 1 before the first evaluation (A.4), so the first phase comes first. `previous` is null there. */
export function onlinePhase(m: number, threshold: number, previous: OnlinePhase | null): OnlinePhase {
  if (previous === null) return { phase: 0, evaluations: 1 };
  const { phase, evaluations } = previous;
  const wanted = m >= (phase === 0 ? threshold : threshold * RETURN_AT) ? 0 : 1;
  if (wanted === phase || evaluations < LEAST_DWELL) return { phase, evaluations: evaluations + 1 };
  return { phase: wanted, evaluations: 1 };
}
