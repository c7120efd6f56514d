import type { Problem } from '../problem.ts';
import { roundHalfToEven } from '../round-half-to-even.ts';
import type { FrequencyClass } from './method.ts';
import type {
  AdapterWeights,
  CmloraComposition,
  Composition,
  PromptWeighing,
  RequestedCmlora,
  RequestedComposition,
} from './options.ts';

/**
 * From what a request says about composition to a composition with nothing left implicit: the preset's values, the request's over
 * them, and the numbers that depend on the length of the trajectory and on the U-Net. Of the presets, `reference` is that of
 * cmlora.md, B.7; `quality` and `fast` began as B.7's and are what the demo's tuning sets chose (docs/evaluation/demo).
 */

/** What the defaults depend on. */
export interface CompositionContext {
  /** Request ids of the LoRAs, in request order. */
  readonly loraIds: readonly string[];
  readonly evaluationCount: number;
  /** `layers_per_block` of the U-Net and its number of levels, which bound the cut. */
  readonly unet: { readonly layersPerBlock: number; readonly levels: number };
}

/** Without a request for a method: `cmlora` where there is something to compose, else `merge`, which is the plain LoRA. */
export function resolveComposition(
  requested: RequestedComposition | undefined,
  context: CompositionContext,
): Composition {
  if (requested === undefined) {
    return resolveComposition({ method: context.loraIds.length > 1 ? 'cmlora' : 'merge' }, context);
  }
  const { loraIds, evaluationCount } = context;
  switch (requested.method) {
    case 'merge':
      return { method: 'merge', scale: requested.scale ?? 1, text_encoder: requested.text_encoder ?? 'all' };
    case 'lorahub':
      return {
        method: 'lorahub',
        // Until a search has found better ones, it is merge.
        weights: weightsOf(requested.weights, loraIds) ?? loraIds.map((id) => ({ id, weight: 1 })),
        text_encoder: requested.text_encoder ?? 'all',
      };
    case 'switch':
      return { method: 'switch', tau: requested.tau ?? TAU, text_encoder: requested.text_encoder ?? 'own' };
    case 'switch-a':
      return {
        method: 'switch-a',
        tau: requested.tau ?? TAU,
        phase_at: requested.phase_at ?? PHASE_AT,
        text_encoder: requested.text_encoder ?? 'own',
      };
    case 'w-switch': {
      const evaluations = Math.max(1, roundHalfToEven((TAU * evaluationCount) / W_SWITCH_STEPS));
      return {
        method: 'w-switch',
        triggers: triggersOf(requested.triggers, loraIds),
        weights: weightsOf(requested.weights, loraIds) ?? null,
        tau: requested.tau ?? evaluations,
        closing: {
          id: requested.closing?.id ?? loraIds[0] ?? null,
          evaluations: requested.closing?.evaluations ?? evaluations,
        },
        text_encoder: requested.text_encoder ?? 'own',
      };
    }
    case 'composite':
      return { method: 'composite', text_encoder: requested.text_encoder ?? 'own' };
    case 'w-composite':
      return {
        method: 'w-composite',
        triggers: triggersOf(requested.triggers, loraIds),
        weights: weightsOf(requested.weights, loraIds) ?? null,
        text_encoder: requested.text_encoder ?? 'own',
      };
    case 'delta-composite':
      return {
        method: 'delta-composite',
        scale: requested.scale ?? 1,
        uncond: requested.uncond ?? 'per_lora',
        text_encoder: requested.text_encoder ?? 'own',
      };
    case 'loratorio-like':
      return {
        method: 'loratorio-like',
        patches: requested.patches ?? PATCHES,
        temperature: requested.temperature ?? TEMPERATURE,
        text_encoder: requested.text_encoder ?? 'own',
      };
    case 'cmlora':
      return resolveCmlora(requested, context);
  }
}

/** Multi-LoRA-Composition's, for 100 and 200 steps (cmlora.md, D). */
const TAU = 5;
/** The steps for which W-Switch's authors give tau and the last steps of the character; both grow with the trajectory (cmlora.md, F). */
const W_SWITCH_STEPS = 100;
/** CMLoRA's change from one set to the other (cmlora.md, B.3). */
const PHASE_AT = 0.6;
/** Patches of an eighth of a side (cmlora.md, F). */
const PATCHES = 8;
/** Not from the paper, whose value was not to be had, and not tuned yet. */
const TEMPERATURE = 0.05;

/** One entry for each LoRA, in request order; what names no LoRA of the request stays, at the end, to be refused. */
function triggersOf(
  requested: PromptWeighing['triggers'] = [],
  loraIds: readonly string[],
): PromptWeighing['triggers'] {
  const silent = loraIds.filter((id) => requested.every((trigger) => trigger.id !== id));
  return inRequestOrder([...requested, ...silent.map((id) => ({ id, phrases: [] }))], loraIds);
}

function weightsOf(requested: AdapterWeights | undefined, loraIds: readonly string[]): AdapterWeights | undefined {
  return requested && inRequestOrder(requested, loraIds);
}

function inRequestOrder<Of extends { readonly id: string }>(
  entries: readonly Of[],
  loraIds: readonly string[],
): readonly Of[] {
  const strangers = entries.filter(({ id }) => !loraIds.includes(id));
  return [...loraIds.flatMap((id) => entries.filter((entry) => entry.id === id)), ...strangers];
}

function resolveCmlora(requested: RequestedCmlora, context: CompositionContext): CmloraComposition {
  const parity = requested.parity ?? 'none';
  const mode = requested.mode ?? 'offline';
  const preset = presetOf(requested.preset ?? (parity === 'reference' ? 'reference' : 'quality'), context);
  return {
    method: 'cmlora',
    preset: preset.preset,
    direction: requested.direction ?? preset.direction,
    mode,
    threshold: requested.threshold ?? (parity === 'reference' && mode === 'online' ? REFERENCE_THRESHOLD : null),
    phase_at: requested.phase_at ?? preset.phase_at,
    late_set: requested.late_set ?? preset.late_set,
    turn: { ...preset.turn, ...requested.turn },
    weights: { ...preset.weights, ...requested.weights },
    refresh: { ...preset.refresh, ...requested.refresh },
    cut: requested.cut === 'outer' ? OUTER : (requested.cut ?? preset.cut),
    cache: requested.cache ?? preset.cache,
    uncond: requested.uncond ?? preset.uncond,
    text_encoder: requested.text_encoder ?? preset.text_encoder,
    order: requested.order ?? preset.order,
    parity,
  };
}

/** The g of the authors' online mode, for raw amplitudes (cmlora.md, A.4). */
const REFERENCE_THRESHOLD = 0.4;

const OUTER = { level: 0, layers: 1 };

function presetOf(preset: CmloraComposition['preset'], context: CompositionContext): CmloraComposition {
  const { evaluationCount, unet, loraIds } = context;
  const quality: CmloraComposition = {
    method: 'cmlora',
    preset: 'quality',
    direction: 'high_first',
    mode: 'offline',
    threshold: null,
    phase_at: PHASE_AT,
    late_set: 'low',
    turn: { near: 2, middle: 3, bounds: [0.375, 0.875] },
    // The paper's order and leader stay, but a leader that counts more than the others costs some of their concepts and gains none,
    // and the outermost cut with one LoRA run anew at each evaluation beats dearer ways (docs/cmlora.md).
    weights: { initial: 1, decay: 'none', floor: 1 },
    refresh: {
      policy: 'oldest_first',
      every: 1,
      max_age: Math.max(3, percentOf(60, evaluationCount)),
      warm_up: percentOf(4, evaluationCount),
      forced_end: 0,
    },
    cut: OUTER,
    cache: 'feature',
    // Guidance away from what the LoRAs predict without the prompt takes most of each concept away again: with `per_lora` a third as
    // many concepts show, at a higher cost (docs/evaluation/demo). One LoRA alone stays what it is everywhere else.
    uncond: loraIds.length > 1 ? 'base' : 'per_lora',
    text_encoder: 'own',
    order: null,
    parity: 'none',
  };
  switch (preset) {
    case 'quality':
      return quality;
    case 'fast':
      // About one full pass a step for four LoRAs (docs/cmlora.md).
      return { ...quality, preset, refresh: { ...quality.refresh, every: 2 } };
    case 'reference':
      // The authors' code: no warm-up, no bound on the age (which never reaches the number of evaluations), and the prompt encoded
      // once, with every text part (G.16).
      return {
        ...quality,
        preset,
        late_set: 'all_but_first',
        weights: { initial: 'n_minus_half', decay: 'none', floor: 1 },
        refresh: { policy: 'on_turn', every: 1, max_age: evaluationCount, warm_up: 0, forced_end: 0 },
        cut: { level: 0, layers: unet.layersPerBlock + 1 },
        uncond: 'per_lora',
        text_encoder: 'all',
      };
  }
}

/** ceil of a percentage. Divides last, so that a whole number stays one: 0.07 * 100 is a little above 7. */
function percentOf(percent: number, count: number): number {
  return Math.ceil((percent * count) / 100);
}

/** What is wrong with a resolved composition, beyond what the request's schema sees. */
export function compositionProblems(
  composition: Composition,
  context: CompositionContext & { readonly classes: readonly FrequencyClass[] },
): readonly Problem[] {
  const { loraIds } = context;
  switch (composition.method) {
    case 'cmlora':
      return [
        ...turnProblems(composition),
        ...modeProblems(composition),
        ...parityProblems(composition, context),
        ...cutProblems(composition, context),
        ...(composition.order === null ? [] : namingProblems('order', composition.order, loraIds)),
      ];
    case 'lorahub':
      return namingProblems('weights', idsOf(composition.weights), loraIds);
    case 'w-switch':
      return [...weighingProblems(composition, loraIds), ...closingProblems(composition.closing, loraIds)];
    case 'w-composite':
      return weighingProblems(composition, loraIds);
    default:
      return [];
  }
}

function turnProblems({ turn }: CmloraComposition): readonly Problem[] {
  const [from, to] = turn.bounds;
  return from <= to ? [] : [problem('turn.bounds', `is [${from}, ${to}]; the first must not be above the second`)];
}

function modeProblems({ mode, threshold }: CmloraComposition): readonly Problem[] {
  if (threshold === null || mode === 'online') return [];
  return [problem('threshold', `is ${threshold}; must be left out with mode offline, which looks at no latent`)];
}

/** What the authors' code does not have cannot have its faults. */
function parityProblems(
  composition: CmloraComposition,
  { classes }: { readonly classes: readonly FrequencyClass[] },
): readonly Problem[] {
  if (composition.parity === 'none') return [];
  const { direction, late_set, refresh, cache, uncond } = composition;
  const fixed = [
    ['direction', direction, ['high_first']],
    ['late_set', late_set, ['all_but_first']],
    ['refresh.policy', refresh.policy, ['on_turn', 'all']],
    ['cache', cache, ['feature']],
    ['uncond', uncond, ['per_lora']],
  ] as const;
  // G.6: it divides by how many there are.
  const hasNoHigh = classes.length > 1 && !classes.includes('high');
  return [
    ...fixed
      .filter(([, value, allowed]) => !(allowed as readonly string[]).includes(value))
      .map(([option, value, allowed]) =>
        problem(option, `is ${value}; must be ${allowed.join(' or ')} with parity reference`),
      ),
    ...(hasNoHigh ? [problem('parity', 'is reference; must be none without a LoRA of high frequency')] : []),
  ];
}

function cutProblems({ cut }: CmloraComposition, { unet }: CompositionContext): readonly Problem[] {
  if (cut === 'none') return [];
  const layersMax = unet.layersPerBlock + 1;
  const level = `is ${cut.level}; must be an integer from 0 to ${unet.levels - 1} with this checkpoint`;
  const layers = `is ${cut.layers}; must be an integer from 1 to ${layersMax} with this checkpoint`;
  return [
    ...(cut.level < unet.levels ? [] : [problem('cut.level', level)]),
    ...(cut.layers <= layersMax ? [] : [problem('cut.layers', layers)]),
  ];
}

function weighingProblems({ triggers, weights }: PromptWeighing, loraIds: readonly string[]): readonly Problem[] {
  const isNothing = weights !== null && loraIds.length > 0 && weights.every(({ weight }) => weight === 0);
  return [
    ...namingProblems('triggers', idsOf(triggers), loraIds),
    ...(weights === null ? [] : namingProblems('weights', idsOf(weights), loraIds)),
    ...(isNothing ? [problem('weights', 'are all 0; at least one must be above it')] : []),
  ];
}

function closingProblems({ id }: { readonly id: string | null }, loraIds: readonly string[]): readonly Problem[] {
  if (id === null || loraIds.includes(id)) return [];
  return [problem('closing.id', `is ${JSON.stringify(id)}; must be one of ${JSON.stringify(loraIds)}`)];
}

function namingProblems(option: string, named: readonly string[], loraIds: readonly string[]): readonly Problem[] {
  const isComplete = named.length === loraIds.length && loraIds.every((id) => named.includes(id));
  if (isComplete) return [];
  const verb = option === 'order' ? 'is' : 'names';
  const allowed = `must name each of ${JSON.stringify(loraIds)} once`;
  return [problem(option, `${verb} ${JSON.stringify(named)}; ${allowed}`)];
}

function idsOf(entries: readonly { readonly id: string }[]): readonly string[] {
  return entries.map(({ id }) => id);
}

function problem(option: string, complaint: string): Problem {
  const subject = `composition.${option}`;
  return { code: 'invalid_request', subject, message: `${subject} ${complaint}` };
}
