import type { NamedReceipt, PassCounts } from '../contract/generation-result.ts';
import type { PipelineTimings } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import type { EvaluationPlan } from '../core/composition/method.ts';

/** What a person reads after a generation: each LoRA's receipt, the plan in a few lines, the time of each stage. Pure text. */

export function describeReceipt(receipt: NamedReceipt): string {
  const { id, format, ranks, alphas, matched, unmatched } = receipt;
  const layers = `${matched.unet.length} U-Net and ${matched.text_encoder.length} text encoder layers`;
  const rest = unmatched.length === 0 ? 'every key matched' : `${unmatched.length} keys unmatched`;
  return `LoRA ${id}: ${format}, rank ${ranks.join(', ')}, alpha ${alphas.join(', ')}; ${layers}, ${rest}`;
}

export function describePlan(
  request: ResolvedRequest,
  plan: readonly EvaluationPlan[],
  passes: PassCounts,
): readonly string[] {
  const { method } = request.composition;
  const summary = `plan: ${method}, ${plan.length} evaluations, ${passes.full} full and ${passes.reuse} reuse rows`;
  const turns = turnsOf(plan).map(({ leader, from, to }) => `${leader} ${from === to ? from : `${from}-${to}`}`);
  const full = plan.map((evaluation) => evaluation.full.length).join(' ');
  return [
    summary,
    ...(turns.length > 0 ? [`  leaders: ${turns.join(', ')}`] : []),
    ...(passes.reuse > 0 ? [`  LoRAs in full at each evaluation: ${full}`] : []),
  ];
}

export function describeTimings(timings: PipelineTimings & { readonly encode_image_ms: number }): string {
  const stages = [
    ['LoRAs', timings.load_loras_ms],
    ['text', timings.encode_text_ms],
    ['denoise', timings.denoise_ms],
    ['decode', timings.decode_ms],
    ['PNG', timings.encode_image_ms],
  ] as const;
  return `time: ${stages.map(([stage, ms]) => `${stage} ${(ms / 1000).toFixed(2)} s`).join(', ')}`;
}

interface Turn {
  readonly leader: string;
  readonly from: number;
  readonly to: number;
}

/** Evaluations in a row with one leader. */
function turnsOf(plan: readonly EvaluationPlan[]): readonly Turn[] {
  const turns: Turn[] = [];
  for (const { leader, evaluation } of plan) {
    const last = turns.at(-1);
    if (leader === null) continue;
    if (last?.leader === leader) turns[turns.length - 1] = { ...last, to: evaluation };
    else turns.push({ leader, from: evaluation, to: evaluation });
  }
  return turns;
}
