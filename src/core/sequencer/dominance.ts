import { assert } from '../assert.ts';
import type { CmloraComposition } from '../composition/options.ts';
import { offlinePhase } from './phase.ts';

/**
 * Whose turn it is: from evaluation to evaluation, the leading adapter, how long it leads, and how much more its vote counts
 * (cmlora.md, B.7 and B.1; where B.7 is open, test/golden/CMLORA-DECISIONS.md, lines 3 to 12). A state machine that is given the last
 * turn and returns this one; it knows nothing of caches.
 */

export interface DominanceRules {
  readonly adapterCount: number;
  /** Leaders of each phase, and how many evaluations of this trajectory lie in it. */
  readonly phases: readonly { readonly leaders: readonly number[]; readonly evaluationCount: number }[];
  readonly turn: CmloraComposition['turn'];
  readonly weights: CmloraComposition['weights'];
}

/** One evaluation's place within a turn. */
export interface Turn {
  readonly phase: number;
  /** Turns completed in this phase before this one, and in all phases. */
  readonly indexInPhase: number;
  readonly index: number;
  readonly leader: number;
  readonly isFirstEvaluation: boolean;
  /** Evaluations that the turn has left after this one. */
  readonly evaluationsLeft: number;
  /** Dominance coefficient c of the leader, which changes only when a turn starts. */
  readonly coefficient: number;
}

/**
 * The rules of a trajectory whose evaluations lie at the fractions `us`. How many of them lie in a phase is counted by `phase_at`, also
 * where the latent decides: that is what is to be expected.
 */
export function dominanceRules(
  composition: Pick<CmloraComposition, 'phase_at' | 'turn' | 'weights'>,
  phases: readonly (readonly number[])[],
  trajectory: { readonly us: readonly number[]; readonly adapterCount: number },
): DominanceRules {
  const { phase_at: phaseAt, turn, weights } = composition;
  const phaseOf = (u: number) => (phases.length === 1 ? 0 : offlinePhase(u, phaseAt));
  const countIn = (phase: number) => trajectory.us.filter((u) => phaseOf(u) === phase);
  return {
    adapterCount: trajectory.adapterCount,
    phases: phases.map((leaders, phase) => ({ leaders, evaluationCount: countIn(phase).length })),
    turn,
    weights,
  };
}

/** The turn of the next evaluation, at trajectory fraction `u` and in a phase; `previous` is null before the first. */
export function nextTurn(
  rules: DominanceRules,
  { u, phase }: { readonly u: number; readonly phase: number },
  previous: Turn | null,
): Turn {
  if (previous !== null && previous.phase === phase && previous.evaluationsLeft > 0) {
    return { ...previous, isFirstEvaluation: false, evaluationsLeft: previous.evaluationsLeft - 1 };
  }
  // A turn that a phase change cuts short counts as completed.
  const index = previous === null ? 0 : previous.index + 1;
  const indexInPhase = previous !== null && previous.phase === phase ? previous.indexInPhase + 1 : 0;
  const leaders = rules.phases[phase]?.leaders ?? [];
  const leader = leaders[indexInPhase % leaders.length];
  assert(leader !== undefined, 'every phase has a leader');
  return {
    phase,
    indexInPhase,
    index,
    leader,
    isFirstEvaluation: true,
    evaluationsLeft: turnLength(rules, phase, u) - 1,
    coefficient: coefficientOf(rules, index),
  };
}

/** Convex weights of the predictions: the leader's vote is c where each other's is 1. */
export function votes(coefficient: number, adapterCount: number): { readonly leader: number; readonly other: number } {
  if (adapterCount === 1) return { leader: 1, other: 0 };
  const sum = coefficient + adapterCount - 1;
  return { leader: coefficient / sum, other: 1 / sum };
}

/** A turn is shortened so that every leader of the phase leads at least twice, where the phase is long enough for that. */
function turnLength(rules: DominanceRules, phase: number, u: number): number {
  const { near, middle, bounds } = rules.turn;
  const wanted = u < bounds[0] || u >= bounds[1] ? near : middle;
  const { leaders, evaluationCount } = rules.phases[phase] ?? { leaders: [], evaluationCount: 0 };
  return Math.min(wanted, Math.max(1, Math.floor(evaluationCount / (2 * leaders.length))));
}

/** B.1: constant, or c0 - 1 + 2^-k after k turns, which is N - 1.5 + 2^-k for c0 = N - 0.5. */
export function coefficientOf(rules: Pick<DominanceRules, 'adapterCount' | 'weights'>, turnsCompleted: number): number {
  const { initial, decay, floor } = rules.weights;
  const c0 = initial === 'n_minus_half' ? rules.adapterCount - 0.5 : initial;
  return decay === 'none' ? c0 : Math.max(floor, c0 - 1 + 2 ** -turnsCompleted);
}
