import type { CmloraComposition } from '../composition/options.ts';
import type { Phase } from './phase.ts';

/**
 * Who leads in the authors' code, faults included (cmlora.md, B.3, B.4, and G.1, G.3, G.6, G.8): what `parity: reference` is for, to
 * compare with and not to use. Its absolute steps are fractions of the number of evaluations here. It counts turns through both phases;
 * in the second it leads through all LoRAs but the first, and stops short of the last ones where there are several low ones; and
 * nothing is refreshed there.
 */

export interface ReferenceRules {
  /** Indices of the adapters: the high ones, then the low ones. */
  readonly order: readonly number[];
  /** R, 1 or more: how many lead in the first phase, and, as it were by mistake, in the second. */
  readonly highCount: number;
  readonly evaluationCount: number;
  readonly turn: CmloraComposition['turn'];
}

export interface ReferenceTurn {
  /** Turns completed before this one. */
  readonly index: number;
  readonly leader: number;
  /** Whether the leader's cache is made anew. */
  readonly isRefreshDue: boolean;
}

/** Step 120 of 200: the first phase includes it. */
export function referencePhase(evaluation: number, phaseAt: number, evaluationCount: number): Phase {
  return evaluation <= Math.trunc(phaseAt * evaluationCount) ? 0 : 1;
}

export function nextReferenceTurn(
  { order, highCount, evaluationCount, turn }: ReferenceRules,
  { evaluation, phase }: { readonly evaluation: number; readonly phase: Phase },
  previous: ReferenceTurn | null,
): ReferenceTurn {
  const isTurnStart = startsTurn(evaluation, turn, evaluationCount);
  const index = previous === null ? 0 : previous.index + (isTurnStart ? 1 : 0);
  const place = (index % highCount) + phase;
  // G.3: in the second phase the code empties a cache of a copied list.
  return { index, leader: order[place] ?? 0, isRefreshDue: isTurnStart && phase === 0 };
}

/** The code's `interval_seq` (B.4): every `near` evaluations where both lengths are the same, else three ranges one after the other. */
function startsTurn(evaluation: number, { near, middle, bounds }: CmloraComposition['turn'], count: number): boolean {
  if (near === middle) return evaluation % near === 0;
  const [a, b] = bounds.map((bound) => Math.trunc(bound * count)) as [number, number];
  if (evaluation < a) return evaluation % near === 0;
  if (evaluation < b) return (evaluation - a) % middle === 0;
  return (evaluation - b) % near === 0;
}
