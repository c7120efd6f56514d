import type { GenerationPlan, LeadingPlan, PlannedEvaluation } from '../contract/generation-plan.ts';
import { namedReceipt } from '../contract/generation-result.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { assert } from '../core/assert.ts';
import type { Cut, UnetPass } from '../core/composition/method.ts';
import type { CmloraComposition, Composition } from '../core/composition/options.ts';
import { macsOf } from '../core/pass-cost.ts';
import { SAMPLERS } from '../core/samplers/index.ts';
import { leadingOrder } from '../core/sequencer/order.ts';
import { plannerFor } from './plan.ts';
import { assumeWeights } from './prompt-weights.ts';
import type { ResolvedGeneration } from './resolve-request.ts';

/**
 * A resolved request to its plan in words and numbers, from the model descriptor alone: no tensor, no checkpoint. It walks the very
 * planner that drives the denoising, so the passes it names are the passes that run.
 */
export function describePlan(
  { request, loras, ranking, warnings }: ResolvedGeneration,
  model: ModelDescriptor,
): GenerationPlan {
  const costs = costsAt(request, model);
  const evaluations = SAMPLERS[request.sampler].evaluations(model.scheduler, request.steps);
  const assumed = assumeWeights(request);
  const planner = plannerFor(assumed.request, model, evaluations);
  const isOnline = planner.isOnline === true;
  const passes = { full: 0, reuse: 0 };
  const cuts: Cut[] = [];
  const plan: PlannedEvaluation[] = [];
  let state = planner.start;
  for (const evaluation of evaluations) {
    const next = planner.plan(evaluation, state);
    state = next.state;
    for (const { cache } of next.passes) {
      passes[cache?.mode === 'reuse' ? 'reuse' : 'full'] += request.n;
      if (cache?.mode === 'reuse') cuts.push(cache.cut);
    }
    const cost = next.passes.reduce((sum, pass) => sum + costs.shareOf(pass), 0);
    plan.push({ ...next.summary, refreshed: refreshedBy(next.passes, request), cost });
  }
  const [cut] = cuts;
  const reuseShare = cut === undefined ? 0 : costs.reuseShare(cut);
  return {
    request,
    loras: loras.map(namedReceipt),
    leading: leadingOf({ request, loras, ranking }),
    certainty: isOnline || assumed.warnings.length > 0 ? 'expected' : 'exact',
    plan,
    passes,
    cost: {
      // From counts, so that requests that run as many passes cost the same to the last bit.
      full_passes: passes.full + passes.reuse * reuseShare,
      full_pass_macs: costs.fullMacs,
      reuse_share: cut === undefined ? null : reuseShare,
    },
    model: { id: model.id, sha256: model.sha256 },
    warnings: [...warnings, ...assumed.warnings, ...(isOnline ? [ONLINE_NOTE] : [])],
  };
}

const ONLINE_NOTE =
  'mode online: the latent of each image decides when the second set takes over; this plan is the one to expect, in which that is at phase_at';

function costsAt(request: ResolvedRequest, { passCosts, latentScale }: ModelDescriptor) {
  const size = { height: request.height / latentScale, width: request.width / latentScale };
  const fullMacs = macsOf(passCosts.full, size);
  const reuseShare = (cut: Cut): number => {
    const known = passCosts.reuse.find(({ cut: { level, layers } }) => level === cut.level && layers === cut.layers);
    assert(known !== undefined, `the descriptor has no cost of cut {${cut.level},${cut.layers}}`);
    return macsOf(known.cost, size) / fullMacs;
  };
  const shareOf = ({ cache }: UnetPass): number => (cache?.mode === 'reuse' ? reuseShare(cache.cut) : 1);
  return { fullMacs, reuseShare, shareOf };
}

/** In request order. Both guidance halves of a LoRA refresh together. */
function refreshedBy(passes: readonly UnetPass[], { loras }: ResolvedRequest): readonly string[] {
  const refreshed = new Set(
    passes
      .filter(({ cache }) => cache?.mode === 'refresh')
      .flatMap(({ adapters }) => adapters.map((use) => use.adapter)),
  );
  return loras.filter(({ sha256 }) => refreshed.has(sha256)).map(({ id }) => id);
}

function leadingOf({
  request: { composition, loras },
  loras: inUse,
  ranking,
}: Pick<ResolvedGeneration, 'request' | 'loras' | 'ranking'>): LeadingPlan | null {
  const options = sequenceOf(composition);
  if (options === null || loras.length === 0) return null;
  const ids = loras.map(({ id }) => id);
  const { order } = leadingOrder(
    loras.map((lora) => lora.frequency_class),
    { ...options, requested: options.order?.map((id) => ids.indexOf(id)) ?? null },
  );
  const inOrder = order.flatMap((index) => loras.slice(index, index + 1));
  const idsOfClass = (wanted: 'high' | 'low') =>
    inOrder.filter((lora) => lora.frequency_class === wanted).map(({ id }) => id);
  return {
    order: inOrder.map(({ id }) => id),
    order_source: ranking.orderSource,
    high: idsOfClass('high'),
    low: idsOfClass('low'),
    classes: inUse.flatMap(({ id, frequency }) => (frequency === undefined ? [] : [{ id, ...frequency }])),
    split: ranking.split,
    halves_tau: ranking.halvesTau,
  };
}

/** What decides who leads when; null with a method that does not look at the frequency classes. */
function sequenceOf(composition: Composition): Pick<CmloraComposition, 'direction' | 'late_set' | 'order'> | null {
  if (composition.method === 'cmlora') return composition;
  return composition.method === 'switch-a' ? { direction: 'high_first', late_set: 'low', order: null } : null;
}
