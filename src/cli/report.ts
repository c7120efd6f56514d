import type { NamedReceipt, PassCounts } from '../contract/generation-result.ts';
import type { PipelineTimings } from '../contract/pipeline-event.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import type { EvaluationPlan } from '../core/composition/method.ts';

/** What is said of a finished picture: lines for a person, or one line of JSON for a program. Pure text. */

export interface FinishedPicture {
  /** The file, as it was named on the command line. */
  readonly out: string;
  readonly png: { readonly sha256: string; readonly pixels_sha256: string };
  readonly image: { readonly width: number; readonly height: number; readonly seed: number };
  readonly request: ResolvedRequest;
  readonly receipts: readonly NamedReceipt[];
  readonly warnings: readonly string[];
  readonly plan: readonly EvaluationPlan[];
  readonly passes: PassCounts;
  readonly timings: PipelineTimings & { readonly load_model_ms: number; readonly encode_image_ms: number };
  /** From the first LoRA to the file, without the loading of the model. */
  readonly seconds: number;
}

export function describeAsJson({ out, png, image, receipts, passes, seconds }: FinishedPicture): string {
  const { width, height } = image;
  const { sha256, pixels_sha256 } = png;
  return JSON.stringify({
    image: out,
    sha256,
    pixels_sha256,
    width,
    height,
    seconds,
    loras: receipts.map(briefly),
    passes,
  });
}

/** Notes, each LoRA's receipt, the plan in a few lines, the time of each stage, and the file. */
export function describeForReader(picture: FinishedPicture): readonly string[] {
  const { out, png, image, receipts, warnings, timings, seconds } = picture;
  return [
    ...warnings.map((warning) => `note: ${warning}`),
    ...receipts.map(describeReceipt),
    ...describePlan(picture),
    describeTimings(timings),
    `${out}: ${image.width}x${image.height}, seed ${image.seed}, ${seconds.toFixed(1)} s, sha256 ${png.sha256}`,
  ];
}

/** A receipt without the names of its hundreds of layers. */
function briefly({ id, sha256, format, ranks, alphas, matched, unmatched }: NamedReceipt) {
  const layers = { unet: matched.unet.length, text_encoder: matched.text_encoder.length };
  return { id, sha256, format, ranks, alphas, matched: layers, unmatched: unmatched.map(({ key }) => key) };
}

/** Also of a plan. */
export function describeReceipt({ id, format, ranks, alphas, matched, unmatched }: NamedReceipt): string {
  const layers = `${matched.unet.length} U-Net and ${matched.text_encoder.length} text encoder layers`;
  const rest = unmatched.length === 0 ? 'every key matched' : `keys without effect: ${unmatched.length}`;
  return `LoRA ${id}: ${format}, rank ${ranks.join(', ')}, alpha ${alphas.join(', ')}; ${layers}, ${rest}`;
}

function describePlan({ request, plan, passes }: FinishedPicture): readonly string[] {
  const { method } = request.composition;
  const turns = turnsOf(plan).map(({ leader, from, to }) => `${leader} ${from === to ? from : `${from}-${to}`}`);
  const fullCounts = plan.map(({ full }) => full.length);
  return [
    `plan: ${method}, ${plan.length} evaluations, ${passes.full} full and ${passes.reuse} reuse rows`,
    ...(turns.length > 0 ? [`  leaders: ${turns.join(', ')}`] : []),
    ...(passes.reuse > 0 ? [`  LoRAs in full at each evaluation: ${fullCounts.join(' ')}`] : []),
  ];
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
    if (leader === null) continue;
    const last = turns.at(-1);
    if (last?.leader === leader) turns[turns.length - 1] = { ...last, to: evaluation };
    else turns.push({ leader, from: evaluation, to: evaluation });
  }
  return turns;
}

function describeTimings(timings: FinishedPicture['timings']): string {
  const stages = [
    ['model', timings.load_model_ms],
    ['LoRAs', timings.load_loras_ms],
    ['text', timings.encode_text_ms],
    ['denoise', timings.denoise_ms],
    ['decode', timings.decode_ms],
    ['PNG', timings.encode_image_ms],
  ] as const;
  return `time: ${stages.map(([stage, ms]) => `${stage} ${(ms / 1000).toFixed(2)} s`).join(', ')}`;
}
