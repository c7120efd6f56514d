import { assert } from '../assert.ts';
import { highBandOfLatent, referenceHighBandOfLatent } from '../frequency/high-band.ts';
import { votes } from '../sequencer/dominance.ts';
import { createLeadership, type Lead } from '../sequencer/leadership.ts';
import { forecastTrend, fullAdapters, type LastFull, rememberFull } from '../sequencer/refresh-schedule.ts';
import { foldHalves } from './fold.ts';
import type {
  CacheUse,
  ComposedAdapter,
  CompositionPlanner,
  CompositionSetup,
  Conditioning,
  Evaluation,
  Observation,
  ObservedHighBand,
  PassPlan,
  UnetPass,
} from './method.ts';
import type { CmloraComposition } from './options.ts';
import { basePass, inFoldingOrder, passOfOne, textsOf } from './passes.ts';

/**
 * CMLoRA (arXiv 2502.04923) as section B.7 of cmlora.md mends it: every adapter predicts alone, one of them leads at a time and may
 * count more in the fold, and the others may start from a cached feature. The parts are the sequencer's: the order of leaders, their
 * turns, the refresh of caches. Here they become passes. `cache: delta` and `uncond: base` add passes of the plain model in front
 * (test/golden/CMLORA-DECISIONS.md, lines 22 to 25); `cache: forecast` adds none.
 */

export interface CmloraState {
  readonly lead: Lead | null;
  readonly lastFull: LastFull;
  /** The full pass before the last. */
  readonly fullBefore: LastFull;
}

export function planCmlora(composition: CmloraComposition, setup: CompositionSetup): CompositionPlanner<CmloraState> {
  const { adapters, evaluations, guided } = setup;
  assert(adapters.length > 0, 'somebody has to lead');
  const fractionAt = ({ timestep }: Evaluation) => 1 - timestep / setup.trainTimestepCount;
  const leadership = createLeadership(composition, {
    classes: adapters.map(({ frequencyClass }) => frequencyClass),
    requested: composition.order?.map((id) => indexOf(adapters, id)) ?? null,
    us: evaluations.map(fractionAt),
  });
  const { order } = leadership;
  const cut = cutOf(composition, adapters.length);
  const isDelta = cut !== null && composition.cache === 'delta';
  const isForecast = cut !== null && composition.cache === 'forecast';
  const folded = inFoldingOrder(adapters);
  /** The texts on which the adapters predict, and those on which the plain model does. */
  const texts = composition.uncond === 'base' ? textsOf(false) : textsOf(guided);
  const baseTexts = textsOf(guided).filter((text) => isDelta || !texts.includes(text));

  function plan(evaluation: Evaluation, state: CmloraState, observation?: Observation): PassPlan<CmloraState> {
    const highBand = observation === undefined || !leadership.isOnline ? null : highBandOf(observation, composition);
    const lead = leadership.next({ evaluation: evaluation.index, u: fractionAt(evaluation), highBand }, state.lead);
    const moment = {
      evaluation: evaluation.index,
      evaluationCount: evaluations.length,
      leader: lead.leader,
      isFirstOfTurn: lead.isRefreshDue,
      order,
      lastFull: state.lastFull,
    };
    const full = cut === null ? new Set(order) : fullAdapters(composition.refresh, moment);
    const vote = votes(lead.coefficient, adapters.length);
    return {
      passes: [
        ...baseTexts.map(passOfBase),
        ...folded.flatMap((adapter) => {
          const index = adapters.indexOf(adapter);
          const use = full.has(index)
            ? ({ mode: 'refresh', trend: 0 } as const)
            : ({ mode: 'reuse', trend: forecastTrend(index, evaluation.index, state) } as const);
          return texts.map((text) => passOf(adapter, text, use));
        }),
      ],
      summary: {
        evaluation: evaluation.index,
        step: evaluation.step,
        timestep: evaluation.timestep,
        leader: adapters[lead.leader]?.id ?? null,
        weights: adapters.map(({ id }, index) => ({ id, weight: index === lead.leader ? vote.leader : vote.other })),
        full: adapters.filter((_, index) => full.has(index)).map(({ id }) => id),
        reuse: adapters.filter((_, index) => !full.has(index)).map(({ id }) => id),
        ...observedOf(highBand, lead, composition),
      },
      state: {
        lead,
        lastFull: rememberFull(state.lastFull, full, evaluation.index),
        fullBefore: state.fullBefore.map((before, index) =>
          full.has(index) ? (state.lastFull[index] ?? null) : before,
        ),
      },
    };
  }

  function passOf(
    adapter: ComposedAdapter,
    text: Conditioning['text'],
    { mode, trend }: { readonly mode: CacheUse['mode']; readonly trend: number },
  ): UnetPass {
    const pass = passOfOne(adapter, text, { all: adapters, policy: composition.text_encoder });
    if (cut === null) return pass;
    const key = `${adapter.adapter}/${text}`;
    const more = { ...(isDelta && { relativeTo: originKey(text) }), ...(isForecast && { trend }) };
    return { ...pass, cache: { mode, cut, key, ...more } };
  }

  /** Keeps its feature where the adapters' differences need it as their origin. */
  function passOfBase(text: Conditioning['text']): UnetPass {
    if (cut === null || !texts.includes(text)) return basePass(text);
    return { ...basePass(text), cache: { mode: 'refresh', cut, key: originKey(text) } };
  }

  return {
    start: { lead: null, lastFull: adapters.map(() => null), fullBefore: adapters.map(() => null) },
    isOnline: leadership.isOnline,
    plan,
    combine(plan, predictions) {
      const weights = folded.map((adapter) => plan.summary.weights[adapters.indexOf(adapter)]?.weight ?? 0);
      const votes = foldHalves(weights, predictions.slice(baseTexts.length), texts);
      const base = texts.includes('negative') ? undefined : predictions[baseTexts.indexOf('negative')];
      return base === undefined ? votes : { ...votes, uncond: base };
    },
  };
}

function highBandOf({ latent }: Observation, { parity }: CmloraComposition): number {
  // Raw amplitudes, as the authors' online mode has them: g and m must be of one kind (A.4).
  return parity === 'reference' ? referenceHighBandOfLatent(latent) : highBandOfLatent(latent, 'raw');
}

function observedOf(
  highBand: number | null,
  { phase }: Lead,
  { threshold }: CmloraComposition,
): { readonly observed?: ObservedHighBand } {
  if (highBand === null || threshold === null) return {};
  const high_band = Number.isNaN(highBand) ? null : highBand;
  return { observed: { high_band, threshold, phase: phase === 0 ? 'first' : 'second' } };
}

function originKey(text: Conditioning['text']): string {
  return `base/${text}`;
}

/** Where features are cached; null where nothing could ever be reused, so that nothing is kept either. */
function cutOf(composition: CmloraComposition, adapterCount: number): CacheUse['cut'] | null {
  const { cut, refresh } = composition;
  const isReused = adapterCount > 1 && refresh.policy !== 'all' && refresh.max_age > 1;
  return isReused && cut !== 'none' ? cut : null;
}

function indexOf(adapters: readonly ComposedAdapter[], id: string): number {
  const index = adapters.findIndex((adapter) => adapter.id === id);
  assert(index >= 0, `the order names ${id}, which is no adapter of the request`);
  return index;
}
