import { ServiceError } from '../contract/errors.ts';
import type { LeadingPlan } from '../contract/generation-plan.ts';
import type { GenerationRequest } from '../contract/generation-request.ts';
import type { FrequencyUse, LoraInUse } from '../contract/generation-result.ts';
import type { PreviewRequest } from '../contract/job.ts';
import { LIMITS } from '../contract/limits.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { resolveOutput } from '../contract/output.ts';
import type { ResolvedLora, ResolvedRequest } from '../contract/resolved-request.ts';
import type { Composition } from '../core/composition/options.ts';
import { compositionProblems, resolveComposition } from '../core/composition/resolve-composition.ts';
import type { LoraReceipt } from '../core/lora/receipt.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { SAMPLERS } from '../core/samplers/index.ts';
import { leadingOrder } from '../core/sequencer/order.ts';
import {
  type FrequencyAsked,
  frequencyWarnings,
  type KnownFrequency,
  NOTHING_KNOWN,
  type ResolvedFrequencies,
  resolveFrequencies,
} from './resolve-frequency.ts';

/**
 * A request to a resolved request: every default filled in, from the checkpoint where it has one, every LoRA found and read, and
 * everything refused that this checkpoint cannot do. Runs before anything is queued, wherever the descriptor and the LoRA files can
 * be read. What the request's schema sees is `contract/generation-request.ts`.
 */

/** How a request names a LoRA. */
export type LoraNaming = 'id' | 'name' | 'sha256';

export interface LoraCatalog {
  /** Undefined where there is no such LoRA. Throws an `InputError` for a file that cannot be applied to the model. */
  inspect(name: string, by: LoraNaming): Promise<LoraReceipt | undefined>;
  /** Phrases of a prompt that call a LoRA that was inspected; absent where nobody knows any. */
  triggersOf?(sha256: string): readonly string[];
  /** What is known of LoRAs' frequencies at this moment, in their order; absent where nothing is. */
  frequencies?(loras: readonly { readonly id: string; readonly sha256: string }[]): Promise<readonly KnownFrequency[]>;
}

export interface ResolvedGeneration {
  readonly request: ResolvedRequest;
  readonly loras: readonly LoraInUse[];
  /** What the profiles said to the classes and the order, where they were asked. */
  readonly ranking: Pick<ResolvedFrequencies, 'split' | 'halvesTau'> & {
    readonly orderSource: LeadingPlan['order_source'];
  };
  /** What a person should know and that is no error. */
  readonly warnings: readonly string[];
  /** Where previews were asked for. */
  readonly preview?: PreviewRequest;
}

/**
 * `randomSeed` is called where the request names no seed. Throws an `InputError` with every problem, and a `ServiceError`
 * (`model_not_found`) for another model's request.
 */
export async function resolveRequest(
  request: GenerationRequest,
  model: ModelDescriptor,
  catalog: LoraCatalog,
  randomSeed: () => number,
): Promise<ResolvedGeneration> {
  if (request.model !== undefined && request.model !== model.id) {
    throw new ServiceError('model_not_found', `model is "${request.model}"; served is "${model.id}"`);
  }
  const { found, problems: loraProblems } = await findLoras(request.loras ?? [], catalog);
  const steps = request.steps ?? model.defaults.steps;
  const sampler = request.sampler ?? model.defaults.sampler;
  const context = {
    loraIds: (request.loras ?? []).map(nameOf),
    evaluationCount: SAMPLERS[sampler].evaluations(model.scheduler, steps).length,
    unet: model.unet,
  };
  const asked = await askedFrequencies(found, catalog);
  const { uses, byScore, split, halvesTau } = resolveFrequencies(asked);
  const composition = resolveComposition(request.composition, context);
  const requestedOrder = composition.method === 'cmlora' ? composition.order : null;
  const resolved: ResolvedRequest = {
    model: model.id,
    model_sha256: model.sha256,
    prompt: promptWithTriggers(request.prompt, found, catalog),
    negative_prompt: request.negative_prompt ?? '',
    width: request.width ?? model.defaults.width,
    height: request.height ?? model.defaults.height,
    steps,
    guidance_scale: request.guidance_scale ?? model.defaults.guidance_scale,
    guidance_rescale: request.guidance_rescale ?? 0,
    sampler,
    seed: request.seed ?? randomSeed(),
    n: request.n ?? 1,
    loras: found.map((lora, index) => resolveLora(lora, uses[index])),
    composition: inMeasuredOrder(composition, asked, { uses, byScore }),
    output: resolveOutput(request.output),
  };
  const problems = [
    ...sideProblems(resolved, model),
    ...seedProblems(resolved),
    ...previewProblems(request.preview, resolved),
    ...loraProblems,
    ...triggerProblems(resolved.prompt, found, catalog),
    ...compositionProblems(resolved.composition, {
      ...context,
      classes: resolved.loras.map((lora) => lora.frequency_class),
    }),
  ];
  if (problems.length > 0) throw new InputError(problems);
  const loras = found.map(({ lora, receipt }, index): LoraInUse => {
    const frequency = uses[index];
    return { id: nameOf(lora), receipt, ...(frequency !== undefined && { frequency }) };
  });
  return {
    request: resolved,
    loras,
    ranking: {
      split,
      halvesTau,
      orderSource: requestedOrder !== null ? 'request' : byScore !== null ? 'profile' : 'classes',
    },
    warnings: [...(hasSets(resolved) ? frequencyWarnings(asked, uses) : []), ...unmatchedWarnings(loras)],
    ...(request.preview !== undefined && { preview: request.preview }),
  };
}

type RequestedLora = NonNullable<GenerationRequest['loras']>[number];

/** A LoRA is called in plans, receipts and `composition.order` what the request calls it. */
function nameOf(lora: RequestedLora): string {
  return lora.id ?? lora.name ?? lora.sha256 ?? '';
}

function namingOf({ id, name }: RequestedLora): LoraNaming {
  if (id !== undefined) return 'id';
  return name === undefined ? 'sha256' : 'name';
}

/** A LoRA of the request that was found and can be applied. */
interface FoundLora {
  /** Where the request names it: `loras[1].id`. */
  readonly field: string;
  readonly lora: RequestedLora;
  readonly receipt: LoraReceipt;
}

async function findLoras(
  requested: readonly RequestedLora[],
  catalog: LoraCatalog,
): Promise<{ readonly found: readonly FoundLora[]; readonly problems: readonly Problem[] }> {
  const found: FoundLora[] = [];
  const problems: Problem[] = [];
  const results = await Promise.all(
    requested.map(async (lora, index) => {
      const field = `loras[${index}].${namingOf(lora)}`;
      return { field, lora, result: await inspect(lora, field, catalog) };
    }),
  );
  for (const { field, lora, result } of results) {
    if ('problems' in result) problems.push(...result.problems);
    else found.push({ field, lora, ...result });
  }
  return { found, problems: [...problems, ...twinProblems(found)] };
}

/** What is wrong with a file is reported under the field of the request that names it. */
async function inspect(
  lora: RequestedLora,
  subject: string,
  catalog: LoraCatalog,
): Promise<{ readonly receipt: LoraReceipt } | { readonly problems: readonly Problem[] }> {
  const value = `${subject} is "${nameOf(lora)}"`;
  try {
    const receipt = await catalog.inspect(nameOf(lora), namingOf(lora));
    if (receipt !== undefined) return { receipt };
    return { problems: [{ code: 'lora_not_found', subject, message: `${value}; there is no LoRA of this name` }] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return {
      problems: error.problems.map(({ code, message }) => ({ code, subject, message: `${value}; ${message}` })),
    };
  }
}

/** One file twice could only be meant to add up, and then one entry says so better. */
function twinProblems(found: readonly FoundLora[]): readonly Problem[] {
  return found.flatMap(({ field: subject, lora, receipt }, index): readonly Problem[] => {
    const twin = found.slice(0, index).find((earlier) => earlier.receipt.sha256 === receipt.sha256);
    if (twin === undefined) return [];
    const message = `${subject} is "${nameOf(lora)}", which is the same file as "${nameOf(twin.lora)}"; name each LoRA once`;
    return [{ code: 'invalid_request', subject, message }];
  });
}

async function askedFrequencies(found: readonly FoundLora[], catalog: LoraCatalog): Promise<readonly FrequencyAsked[]> {
  const known =
    (await catalog.frequencies?.(found.map(({ lora, receipt: { sha256 } }) => ({ id: nameOf(lora), sha256 })))) ?? [];
  return found.map(({ lora }, index) => ({
    id: nameOf(lora),
    stated: lora.frequency_class,
    known: known[index] ?? NOTHING_KNOWN,
  }));
}

function resolveLora({ lora, receipt }: FoundLora, use: FrequencyUse | undefined): ResolvedLora {
  const weight = lora.weight ?? 1;
  return {
    id: nameOf(lora),
    sha256: receipt.sha256,
    weight: typeof weight === 'number' ? { unet: weight, text_encoder: weight } : weight,
    frequency_class: use?.frequency_class ?? 'high',
    frequency_class_assumed: use?.source === 'assumed' || use?.source === 'unclear',
  };
}

/** Spelled out as an order, so that the same request later, when there may be other profiles, can be made from what it became. */
function inMeasuredOrder(
  composition: Composition,
  loras: readonly FrequencyAsked[],
  { uses, byScore }: Pick<ResolvedFrequencies, 'uses' | 'byScore'>,
): Composition {
  if (composition.method !== 'cmlora' || composition.order !== null || byScore === null) return composition;
  const classOf = new Map(loras.map(({ id }, index) => [id, uses[index]?.frequency_class]));
  const { order } = leadingOrder(
    byScore.map((id) => classOf.get(id) ?? 'high'),
    { ...composition, requested: null },
  );
  return { ...composition, order: order.flatMap((index) => byScore[index] ?? []) };
}

/** The phrases of the LoRAs that ask for it, where the prompt does not have them already. */
function promptWithTriggers(prompt: string, found: readonly FoundLora[], { triggersOf }: LoraCatalog): string {
  return found
    .filter(({ lora }) => lora.trigger === 'inject')
    .flatMap(({ receipt }) => triggersOf?.(receipt.sha256) ?? [])
    .reduce((text, phrase) => (hasPhrase(text, phrase) ? text : `${text}, ${phrase}`), prompt);
}

function hasPhrase(prompt: string, phrase: string): boolean {
  return prompt.toLowerCase().includes(phrase.toLowerCase());
}

function triggerProblems(prompt: string, found: readonly FoundLora[], { triggersOf }: LoraCatalog): readonly Problem[] {
  const without = found.filter(
    ({ lora, receipt }) => lora.trigger === 'inject' && (triggersOf?.(receipt.sha256) ?? []).length === 0,
  );
  const problems = without.map(({ field, lora }): Problem => {
    const subject = field.replace(/[^.]*$/, 'trigger');
    const message = `${subject} is "inject", and nobody has said what calls "${nameOf(lora)}"; upload it with triggers, or leave this out`;
    return { code: 'invalid_request', subject, message };
  });
  const bytes = new TextEncoder().encode(prompt).byteLength;
  if (bytes <= LIMITS.promptBytes) return problems;
  const message = `prompt is ${bytes} bytes with the triggers of its LoRAs; must be at most ${LIMITS.promptBytes}`;
  return [...problems, { code: 'invalid_request', subject: 'prompt', message }];
}

function sideProblems(request: ResolvedRequest, model: ModelDescriptor): readonly Problem[] {
  return (['width', 'height'] as const).flatMap((subject): readonly Problem[] => {
    if (request[subject] % model.sideMultiple === 0) return [];
    const message = `${subject} is ${request[subject]}; must be a multiple of ${model.sideMultiple} with this checkpoint`;
    return [{ code: 'invalid_request', subject, message }];
  });
}

function seedProblems({ seed, n }: ResolvedRequest): readonly Problem[] {
  const seedMax = LIMITS.seedMax - (n - 1);
  if (seed <= seedMax) return [];
  const message = `seed is ${seed}; must be at most ${seedMax} for ${n} images, since image i uses seed + i`;
  return [{ code: 'invalid_request', subject: 'seed', message }];
}

function previewProblems(preview: PreviewRequest | undefined, { steps, n }: ResolvedRequest): readonly Problem[] {
  if (preview === undefined) return [];
  const { every_steps: every } = preview;
  const count = n * previewsOf(steps, every);
  if (count <= LIMITS.previewsMax) return [];
  const subject = 'preview.every_steps';
  const message = `${subject} is ${every}, which makes ${count} previews; must make at most ${LIMITS.previewsMax}`;
  return [{ code: 'invalid_request', subject, message }];
}

/** None after the last step, when the picture itself comes. */
function previewsOf(steps: number, every: number): number {
  return Math.floor((steps - 1) / every);
}

/** Only then a class makes a difference. */
function hasSets({ composition, loras }: ResolvedRequest): boolean {
  return composition.method === 'cmlora' && loras.length > 1;
}

function unmatchedWarnings(loras: readonly LoraInUse[]): readonly string[] {
  return loras
    .filter(({ receipt: { unmatched } }) => unmatched.length > 0)
    .map(({ id, receipt: { unmatched } }) => {
      const reasons = [...new Set(unmatched.map(({ reason }) => reason))].join('; ');
      return `LoRA "${id}" acts in part: ${unmatched.length} of its keys have no effect here (${reasons})`;
    });
}
