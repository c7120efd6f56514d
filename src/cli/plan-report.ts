import type { GenerationPlan, PlannedEvaluation } from '../contract/generation-plan.ts';
import type { FrequencySource } from '../contract/generation-result.ts';
import { describeReceipt } from './report.ts';

/** A plan in lines for a person: notes, receipts, who leads and why, each evaluation, and the cost. Pure text. */
export function planForReader(plan: GenerationPlan): readonly string[] {
  return [
    ...plan.warnings.map((warning) => `note: ${warning}`),
    ...plan.loras.map(describeReceipt),
    ...describeLeading(plan),
    ...plan.plan.map(describeEvaluation),
    ...describeCost(plan),
  ];
}

function describeLeading({ leading }: GenerationPlan): readonly string[] {
  if (leading === null) return [];
  const classes = leading.classes.map(
    ({ id, frequency_class: name, source, score }) =>
      `${id} ${name} (${SOURCES[source]}${source === 'profile' && score !== null ? ` ${score.toFixed(3)}` : ''})`,
  );
  const bySplit = leading.split === null ? '' : `, split at ${leading.split.toFixed(3)}`;
  return [`order: ${leading.order.join(', ')}`, `classes: ${classes.join(', ')}${bySplit}`];
}

const SOURCES: Readonly<Record<FrequencySource, string>> = {
  request: 'stated',
  category: 'by category',
  profile: 'measured',
  unclear: 'unclear',
  assumed: 'assumed',
};

function describeEvaluation(evaluation: PlannedEvaluation): string {
  const { leader, weights, full, reuse, refreshed, cost } = evaluation;
  const votes = weights.map(({ id, weight }) => `${id} ${weight.toFixed(3)}`).join(', ');
  return [
    `evaluation ${evaluation.evaluation}, step ${evaluation.step + 1}, t ${evaluation.timestep}:`,
    ...(leader === null ? [] : [`leader ${leader};`]),
    ...(weights.length === 0 ? [] : [`weights ${votes};`]),
    `full ${listed(full)}; reuse ${listed(reuse)}; refreshed ${listed(refreshed)};`,
    `cost ${cost.toFixed(2)}`,
  ].join(' ');
}

function describeCost({ request, plan, passes, cost }: GenerationPlan): readonly string[] {
  const { width, height, n } = request;
  const share = cost.reuse_share === null ? '' : `, a reuse row is ${cost.reuse_share.toFixed(3)} of a full one`;
  return [
    `plan: ${request.composition.method}, ${plan.length} evaluations, ${passes.full} full and ${passes.reuse} reuse rows`,
    `cost: ${cost.full_passes.toFixed(2)} full rows for ${n === 1 ? 'a picture' : `${n} pictures`} of ${width}x${height}${share}`,
    `a full row is ${(cost.full_pass_macs / 1e9).toFixed(2)} GMAC`,
  ];
}

function listed(ids: readonly string[]): string {
  return ids.length === 0 ? 'none' : ids.join(' ');
}
