import { type GenerationRequest, parseGenerationRequest } from '../contract/generation-request.ts';
import {
  type Part,
  PICTURES_OF_SET_MAX,
  setsOf,
  type Testbed,
  type TestbedLora,
  type TestbedMethod,
} from '../contract/testbed.ts';
import { shuffled } from '../core/evaluation/shuffled.ts';
import { InputError, type Problem } from '../core/problem.ts';

/**
 * A testbed and what of it shall be run, to the list of pictures: which sets, which methods, which noises, and the request of each.
 * Decides nothing about how they are drawn or judged. A smaller choice is always a part of a larger one, so that an evaluation grows
 * by running it again with more.
 */

/** What of a testbed shall be run. What is undefined is as the group says. */
export interface Selection {
  readonly group: string | undefined;
  readonly methods: readonly string[] | undefined;
  readonly part: Part | undefined;
  readonly sizes: readonly number[] | undefined;
  /** At most so many sets of each size. */
  readonly setsPerSize: number | undefined;
  readonly seeds: number | undefined;
}

export interface EvaluatedSet {
  readonly id: string;
  readonly loras: readonly TestbedLora[];
  readonly isTuning: boolean;
  /** The noise of its first picture. */
  readonly firstSeed: number;
}

export interface EvaluationPlan {
  readonly group: string;
  readonly part: Part;
  readonly sets: readonly EvaluatedSet[];
  readonly methods: readonly TestbedMethod[];
  readonly seeds: number;
}

/** One picture. */
export interface PlannedPicture {
  /** Index into the plan's sets. */
  readonly set: number;
  readonly seed: number;
  readonly method: TestbedMethod;
}

/** Throws an InputError with every name that the testbed does not have. */
export function planEvaluation(testbed: Testbed, selection: Selection): EvaluationPlan {
  const group = testbed.groups.find(({ name }) => name === selection.group) ?? testbed.groups[0];
  const methods = chosenMethods(testbed, group?.name ?? '', selection.methods);
  const all = everySet(testbed);
  const sizes = [...new Set(all.map(({ loras }) => loras.length))];
  refuse([
    ...unknown('--group', selection.group === undefined ? [] : [selection.group], names(testbed.groups)),
    ...unknown('--methods', selection.methods ?? [], names(testbed.methods)),
    ...unknown('--sizes', (selection.sizes ?? []).map(String), sizes.map(String)),
  ]);
  const part = selection.part ?? group?.part ?? 'held_out';
  const sets = (selection.sizes ?? sizes).flatMap((size) => {
    const ofSize = all.filter(({ loras, isTuning }) => loras.length === size && isOfPart(isTuning, part));
    return someOf(ofSize, selection.setsPerSize, testbed.tuning.seed);
  });
  return { group: group?.name ?? '', part, sets, methods, seeds: selection.seeds ?? group?.seeds ?? 1 };
}

/** All sets of a testbed, and which are for tuning: a share of each size, drawn by the testbed's seed. */
export function everySet(testbed: Testbed): readonly EvaluatedSet[] {
  const { tuning, first_seed: firstSeed } = testbed;
  const loras = new Map(testbed.loras.map((lora) => [lora.id, lora]));
  const lists = setsOf(testbed).map((ids) => ({ id: ids.join('+'), ids }));
  const sizes = [...new Set(lists.map(({ ids }) => ids.length))];
  const forTuning = new Set(
    sizes.flatMap((size) => {
      const ofSize = lists.filter(({ ids }) => ids.length === size).map(({ id }) => id);
      return shuffled(ofSize, tuning.seed + size).slice(0, Math.round(tuning.share * ofSize.length));
    }),
  );
  return lists.map(({ id, ids }, index) => ({
    id,
    loras: ids.flatMap((each) => loras.get(each) ?? []),
    isTuning: forTuning.has(id),
    firstSeed: firstSeed + PICTURES_OF_SET_MAX * index,
  }));
}

/**
 * Every picture of a plan, in the order in which they are drawn: all methods of a set one after the other, so that whatever else the
 * machine does meets them alike, and all sets with their first noise before any has its second.
 */
export function plannedPictures({ sets, methods, seeds }: EvaluationPlan): readonly PlannedPicture[] {
  return Array.from({ length: seeds }, (_, seed) => seed).flatMap((seed) =>
    sets.flatMap((_, set) => methods.map((method) => ({ set, seed, method }))),
  );
}

/** Weights that a method has found for the LoRAs of each set, by the set's id. */
export type FoundWeights = ReadonlyMap<string, readonly { readonly id: string; readonly weight: number }[]>;

/** The request of a picture, as any door would take it. Throws an InputError that names the method. */
export function requestOf(
  testbed: Testbed,
  set: EvaluatedSet,
  { method, seed }: Pick<PlannedPicture, 'method' | 'seed'>,
  weights: FoundWeights | undefined,
): GenerationRequest {
  const { picture, prompt } = testbed;
  const { lora_scale: scale, steps, ...size } = picture;
  const composition = {
    ...method.composition,
    ...(method.fill?.includes('triggers') && {
      triggers: set.loras.map(({ id, triggers }) => ({ id, phrases: triggers })),
    }),
    ...(weights !== undefined && { weights: weightsOf(set, method, weights) }),
  };
  const request = {
    prompt: [prompt.prefix, triggersOf(set)].filter((words) => words !== '').join(', '),
    negative_prompt: prompt.negative,
    ...size,
    steps: method.steps ?? steps,
    seed: set.firstSeed + seed,
    ...(method.loras === 'none'
      ? { loras: [] }
      : {
          loras: set.loras.map(({ id, weight = 1, frequency_class: frequencyClass }) => ({
            id,
            weight: scale * weight,
            ...(frequencyClass !== undefined && { frequency_class: frequencyClass }),
          })),
          composition,
        }),
  };
  return named(method.name, () => parseGenerationRequest(request));
}

/** Throws an InputError for a set that nobody has searched: without weights a method would be another one. */
function weightsOf({ id }: EvaluatedSet, { name, weights: file }: TestbedMethod, weights: FoundWeights) {
  const found = weights.get(id);
  if (found !== undefined) return found;
  const message = `${file} has no weights for the set ${id}, which method ${name} needs; overtone tune finds them`;
  throw new InputError([{ code: 'invalid_request', subject: name, message }]);
}

/** What a picture of the set should show, in the words that CLIPScore compares it with. */
export function triggersOf({ loras }: Pick<EvaluatedSet, 'loras'>): string {
  return loras.flatMap(({ triggers }) => triggers).join(', ');
}

/** The chosen methods, the one without LoRAs, and those that PSNR is measured to; in the testbed's order. */
function chosenMethods(testbed: Testbed, group: string, chosen: readonly string[] | undefined) {
  const wanted = new Set(chosen ?? testbed.methods.filter((method) => method.group === group).map(({ name }) => name));
  wanted.add(testbed.baseline);
  for (const { name, reference } of testbed.methods)
    if (wanted.has(name) && reference !== undefined) wanted.add(reference);
  return testbed.methods.filter(({ name }) => wanted.has(name));
}

/** The first of an order that the seed decides, in the order that they had. */
function someOf(sets: readonly EvaluatedSet[], count: number | undefined, seed: number): readonly EvaluatedSet[] {
  if (count === undefined) return sets;
  const taken = new Set(shuffled(sets, seed).slice(0, count));
  return sets.filter((set) => taken.has(set));
}

function isOfPart(isTuning: boolean, part: EvaluationPlan['part']): boolean {
  return part === 'all' || isTuning === (part === 'tuning');
}

/** Says of whose request a problem is. */
export function named<T>(method: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw withMethod(method, error);
  }
}

export function withMethod(method: string, error: unknown): unknown {
  if (!(error instanceof InputError)) return error;
  const problems = error.problems.map((problem) => ({ ...problem, message: `method ${method}: ${problem.message}` }));
  return new InputError(problems, { cause: error });
}

function names(values: readonly { readonly name: string }[]): readonly string[] {
  return values.map(({ name }) => name);
}

function unknown(flag: string, given: readonly string[], allowed: readonly string[]): readonly Problem[] {
  return given
    .filter((name) => !allowed.includes(name))
    .map((name) => ({
      code: 'invalid_request',
      subject: flag,
      message: `${flag} names ${name}; the testbed has ${allowed.join(', ')}`,
    }));
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InputError(problems);
}
