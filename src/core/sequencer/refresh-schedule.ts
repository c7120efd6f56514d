import type { CmloraComposition } from '../composition/options.ts';

/**
 * Which adapters run the whole U-Net at an evaluation, and which start from their cached feature (cmlora.md, B.7; CMLORA-DECISIONS.md,
 * lines 13 to 16). Decides only; the engine's feature cache remembers. The age of a cache is counted in evaluations since it was last
 * computed in full, 1 right after. A cached adapter votes from an old latent, blind to what the others changed since, so every age
 * has a bound.
 */

/** The evaluation at which each adapter last ran in full; null where it never has. By index in the request. */
export type LastFull = readonly (number | null)[];

export interface RefreshMoment {
  readonly evaluation: number;
  readonly evaluationCount: number;
  readonly leader: number;
  readonly isFirstOfTurn: boolean;
  /** Every adapter once, in leading order: ties go to the earlier. */
  readonly order: readonly number[];
  readonly lastFull: LastFull;
}

/** The adapters whose passes are full; the others reuse. */
export function fullAdapters(refresh: CmloraComposition['refresh'], moment: RefreshMoment): ReadonlySet<number> {
  const { evaluation, evaluationCount, order } = moment;
  const isForced = evaluation < refresh.warm_up || evaluation >= evaluationCount - refresh.forced_end;
  const picked = pickedByPolicy(refresh, moment);
  // An adapter that has no cache is infinitely old.
  return new Set(
    order.filter((adapter) => isForced || adapter === picked || ageOf(adapter, moment) >= refresh.max_age),
  );
}

/** The same memory after the evaluation. */
export function rememberFull(lastFull: LastFull, full: ReadonlySet<number>, evaluation: number): LastFull {
  return lastFull.map((last, adapter) => (full.has(adapter) ? evaluation : last));
}

/**
 * How far beyond its last full pass an adapter's feature is to be carried, in steps of what it changed between its last two: half of
 * what a straight line would say, which came nearest to the uncached picture (`npm run bench -- cache`; whole steps overshoot where
 * full passes lie far apart). 0 with fewer than two. After TaylorSeer (arXiv 2503.06923), which forecasts features by their finite
 * differences.
 */
export function forecastTrend(
  adapter: number,
  evaluation: number,
  { lastFull, fullBefore }: { readonly lastFull: LastFull; readonly fullBefore: LastFull },
): number {
  const [last, before] = [lastFull[adapter] ?? null, fullBefore[adapter] ?? null];
  return last === null || before === null ? 0 : (FORECAST_SHARE * (evaluation - last)) / (last - before);
}

const FORECAST_SHARE = 0.5;

/** The leader is refreshed before the stalest once its age is above this (B.7, `oldest_first`). */
const LEADER_AGE = 2;

function pickedByPolicy(refresh: CmloraComposition['refresh'], moment: RefreshMoment): number | undefined {
  switch (refresh.policy) {
    case 'all':
      // Nothing is cached, so nobody asks.
      return undefined;
    case 'leader':
      return moment.leader;
    case 'on_turn':
      return moment.isFirstOfTurn ? moment.leader : undefined;
    case 'oldest_first': {
      const sinceWarmUp = moment.evaluation - refresh.warm_up;
      if (sinceWarmUp < 0 || sinceWarmUp % refresh.every !== 0) return undefined;
      return ageOf(moment.leader, moment) > LEADER_AGE ? moment.leader : stalest(moment);
    }
  }
}

function stalest(moment: RefreshMoment): number | undefined {
  const oldest = Math.max(...moment.order.map((adapter) => ageOf(adapter, moment)));
  return moment.order.find((adapter) => ageOf(adapter, moment) === oldest);
}

function ageOf(adapter: number, moment: RefreshMoment): number {
  const last = moment.lastFull[adapter] ?? null;
  return last === null ? Number.POSITIVE_INFINITY : moment.evaluation - last;
}
