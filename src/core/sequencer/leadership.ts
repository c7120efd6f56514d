import type { FrequencyClass } from '../composition/method.ts';
import type { CmloraComposition } from '../composition/options.ts';
import { coefficientOf, dominanceRules, nextTurn, type Turn } from './dominance.ts';
import { leadingOrder } from './order.ts';
import { type OnlinePhase, offlinePhase, onlinePhase, type Phase } from './phase.ts';
import { nextReferenceTurn, type ReferenceTurn, referencePhase } from './reference-turns.ts';

/**
 * Who leads at each evaluation, and how much more that vote counts: order, phases and turns put together for one trajectory. A state
 * machine that is given what it said last; it knows nothing of caches and passes.
 */

export interface Leadership {
  /** Every adapter once, by index in the request. */
  readonly order: readonly number[];
  /** True where the latent decides between two sets. */
  readonly isOnline: boolean;
  /** `previous` is null before the first evaluation. */
  next(moment: LeadingMoment, previous: Lead | null): Lead;
}

export interface LeadingMoment {
  readonly evaluation: number;
  /** Trajectory fraction. */
  readonly u: number;
  /** High band of the latent; null where it is not known, and then it is taken to be what the base model's would be. */
  readonly highBand: number | null;
}

export interface Lead {
  readonly leader: number;
  /** Dominance coefficient c. */
  readonly coefficient: number;
  /** Whether a cache that is refreshed once a turn is due. */
  readonly isRefreshDue: boolean;
  readonly phase: Phase;
  /** What the machine itself remembers. */
  readonly memory: LeadershipMemory;
}

interface LeadershipMemory {
  /** Of the turns of this lead, whichever kind takes turns. */
  readonly turn: Turn | null;
  readonly referenceTurn: ReferenceTurn | null;
  readonly online: OnlinePhase | null;
}

export interface Trajectory {
  readonly classes: readonly FrequencyClass[];
  /** Indices of the adapters in the order that the request asked for; null leaves it to the classes. */
  readonly requested: readonly number[] | null;
  readonly us: readonly number[];
}

export function createLeadership(composition: CmloraComposition, trajectory: Trajectory): Leadership {
  const { order, phases } = leadingOrder(trajectory.classes, { ...composition, requested: trajectory.requested });
  const isOnline = composition.mode === 'online' && phases.length > 1;
  const setting = { composition, trajectory, order, phases, isOnline };
  return composition.parity === 'reference' ? referenceLeadership(setting) : turnLeadership(setting);
}

interface Setting {
  readonly composition: CmloraComposition;
  readonly trajectory: Trajectory;
  readonly order: readonly number[];
  readonly phases: readonly (readonly number[])[];
  readonly isOnline: boolean;
}

function turnLeadership({ composition, trajectory, order, phases, isOnline }: Setting): Leadership {
  const { phase_at: phaseAt, threshold } = composition;
  const { us } = trajectory;
  const rules = dominanceRules(composition, phases, { us, adapterCount: order.length });

  /** Where nothing is known of the latent, it is the base model's, which passes the threshold at `phase_at`. */
  function decided({ u, highBand }: LeadingMoment, previous: OnlinePhase | null): OnlinePhase {
    if (highBand !== null && threshold !== null) return onlinePhase(highBand, threshold, previous);
    return onlinePhase(offlinePhase(u, phaseAt) === 0 ? Number.POSITIVE_INFINITY : 0, 1, previous);
  }

  return {
    order,
    isOnline,
    next(moment, previous) {
      const online = isOnline ? decided(moment, previous?.memory.online ?? null) : null;
      const phase = phases.length === 1 ? 0 : (online?.phase ?? offlinePhase(moment.u, phaseAt));
      const turn = nextTurn(rules, { u: moment.u, phase }, previous?.memory.turn ?? null);
      const { leader, coefficient, isFirstEvaluation: isRefreshDue } = turn;
      return { leader, coefficient, isRefreshDue, phase, memory: { turn, referenceTurn: null, online } };
    },
  };
}

function referenceLeadership({ composition, trajectory, order, phases, isOnline }: Setting): Leadership {
  const { phase_at: phaseAt, threshold, turn, weights } = composition;
  const evaluationCount = trajectory.us.length;
  const highCount = phases.length === 1 ? order.length : (phases[0]?.length ?? order.length);
  const rules = { order, highCount, evaluationCount, turn };

  function phaseOf({ evaluation, highBand }: LeadingMoment): Phase {
    if (phases.length === 1) return 0;
    if (!isOnline) return referencePhase(evaluation, phaseAt, evaluationCount);
    // G.1: without a bin in its band the statistic is no number, and no number is at least g. So is one that is not known.
    return evaluation === 0 || (highBand ?? Number.NaN) >= (threshold ?? Number.NaN) ? 0 : 1;
  }

  return {
    order,
    isOnline,
    next(moment, previous) {
      const phase = phaseOf(moment);
      const last = previous?.memory.referenceTurn ?? null;
      const referenceTurn = nextReferenceTurn(rules, { evaluation: moment.evaluation, phase }, last);
      const { leader, isRefreshDue, index } = referenceTurn;
      const coefficient = coefficientOf({ adapterCount: order.length, weights }, index);
      return { leader, coefficient, isRefreshDue, phase, memory: { turn: null, referenceTurn, online: null } };
    },
  };
}
