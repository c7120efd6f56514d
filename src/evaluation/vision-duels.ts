import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bootstrap, type Interval } from '../core/evaluation/bootstrap.ts';
import { meanAt } from '../core/evaluation/figures.ts';
import { shuffled } from '../core/evaluation/shuffled.ts';
import { mean } from '../core/evaluation/statistics.ts';
import { CRITERIA, type Criterion, type Marks, type VisionAnswer, type VisionQuestion } from './ask-vision.ts';
import { type Journal, openJournal } from './journal.ts';
import type { EvaluatedSet, EvaluationPlan } from './plan-evaluation.ts';
import { type ScoredPicture, setAt } from './run-evaluation.ts';

/**
 * One method against others before a judge that sees pictures. Each pair is shown in both orders, because such judges like the first
 * picture or the second for its place, and its marks are the means of the two; equal sums are a tie. Answers are kept, so a run that is
 * stopped asks nothing twice.
 */

export interface VisionResult {
  readonly model: string;
  readonly subject: string;
  readonly against: readonly VisionDuel[];
}

export interface VisionDuel {
  readonly method: string;
  readonly pairs: number;
  readonly wins: number;
  readonly ties: number;
  /** 100 (wins - losses) / pairs. */
  readonly margin: Interval;
  /** Mean marks of the subject's pictures and of the other's. */
  readonly marks: Readonly<Record<Criterion, readonly [subject: number, other: number]>>;
}

export interface VisionOptions {
  readonly subject: string;
  readonly against: readonly string[];
  /** At most so many pairs for each. */
  readonly pairs: number;
  readonly model: string;
  /** Chooses which pairs, and draws for the interval. */
  readonly seed: number;
  readonly plan: EvaluationPlan;
  readonly folder: string;
}

export interface VisionStudio {
  readonly ask: (question: VisionQuestion, signal: AbortSignal) => Promise<VisionAnswer>;
  readonly progress: (at: { readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

export async function visionDuels(
  pictures: readonly ScoredPicture[],
  options: VisionOptions,
  studio: VisionStudio,
): Promise<VisionResult> {
  const { subject, model, folder, plan, seed } = options;
  const journal = await openJournal<VisionAnswer>(join(folder, 'vision.jsonl'));
  const byMethod = new Map(options.against.map((method) => [method, chosenPairs(pictures, method, options)]));
  const total = [...byMethod.values()].reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  const against: VisionDuel[] = [];
  for (const [method, pairs] of byMethod) {
    const judged: JudgedPair[] = [];
    for (const pair of pairs) {
      studio.progress({ done, total });
      judged.push({ set: pair.subject.planned.set, ...(await judge(pair, { journal, options, studio })) });
      done += 1;
    }
    if (judged.length > 0) against.push(duelOf(method, judged, plan, seed));
  }
  return { model, subject, against };
}

interface Pair {
  readonly subject: ScoredPicture;
  readonly other: ScoredPicture;
}

interface JudgedPair {
  readonly set: number;
  readonly subject: Marks;
  readonly other: Marks;
}

/** Pictures of one set and noise, of as many sets as can be. */
function chosenPairs(pictures: readonly ScoredPicture[], method: string, options: VisionOptions): readonly Pair[] {
  const placeOf = ({ planned: { set, seed } }: ScoredPicture): string => `${set} ${seed}`;
  const others = new Map(
    pictures.filter(({ scores }) => scores.method === method).map((picture) => [placeOf(picture), picture]),
  );
  const pairs = pictures
    .filter(({ scores }) => scores.method === options.subject)
    .flatMap((subject) => {
      const other = others.get(placeOf(subject));
      return other === undefined ? [] : [{ subject, other }];
    });
  const byNoise = [...new Set(pairs.map(({ subject }) => subject.planned.seed))].map((seed) =>
    shuffled(
      pairs.filter(({ subject }) => subject.planned.seed === seed),
      options.seed,
    ),
  );
  return byNoise.flat().slice(0, options.pairs);
}

async function judge(
  { subject, other }: Pair,
  context: {
    readonly journal: Journal<VisionAnswer>;
    readonly options: VisionOptions;
    readonly studio: VisionStudio;
  },
): Promise<{ readonly subject: Marks; readonly other: Marks }> {
  const set = setAt(context.options.plan, subject.planned.set);
  const there = await askKept(subject, other, set, context);
  const back = await askKept(other, subject, set, context);
  return { subject: between(there.first, back.second), other: between(there.second, back.first) };
}

async function askKept(
  first: ScoredPicture,
  second: ScoredPicture,
  { loras }: EvaluatedSet,
  {
    journal,
    options: { model, folder },
    studio: { ask, signal },
  }: { readonly journal: Journal<VisionAnswer>; readonly options: VisionOptions; readonly studio: VisionStudio },
): Promise<VisionAnswer> {
  const key = `${model} ${first.drawn.pixels_sha256} ${second.drawn.pixels_sha256}`;
  const known = journal.find(key);
  if (known !== undefined) return known;
  const elements = loras.map(({ category, triggers }) => ({ category, features: triggers.join(', ') }));
  const [one, two] = await Promise.all([first, second].map(({ drawn }) => readFile(join(folder, drawn.file))));
  const answer = await ask({ elements, first: one ?? Buffer.alloc(0), second: two ?? Buffer.alloc(0) }, signal);
  await journal.add(key, answer);
  return answer;
}

function between(a: Marks, b: Marks): Marks {
  const middle = (name: Criterion): number => (a[name] + b[name]) / 2;
  return {
    integration: middle('integration'),
    consistency: middle('consistency'),
    accuracy: middle('accuracy'),
    quality: middle('quality'),
  };
}

function duelOf(method: string, judged: readonly JudgedPair[], plan: EvaluationPlan, seed: number): VisionDuel {
  const outcomes = judged.map(({ subject, other }) => Math.sign(sumOf(subject) - sumOf(other)));
  const sets = [...new Set(judged.map(({ set }) => set))];
  const column = Float64Array.from(
    sets,
    (set) => 100 * mean(outcomes.filter((_, index) => judged[index]?.set === set)),
  );
  const sizeOf = (set: number): number => setAt(plan, set).loras.length;
  const sizes = [...new Set(sets.map(sizeOf))];
  const strata = sizes.map((size) => sets.flatMap((set, index) => (sizeOf(set) === size ? [index] : [])));
  const every = sets.map((_, index) => index);
  const [margin] = bootstrap(strata, (weights) => [meanAt(column, weights, every)], { seed });
  return {
    method,
    pairs: judged.length,
    wins: outcomes.filter((outcome) => outcome > 0).length,
    ties: outcomes.filter((outcome) => outcome === 0).length,
    margin: margin ?? { mean: Number.NaN, lo: Number.NaN, hi: Number.NaN },
    marks: marksOf(judged),
  };
}

function marksOf(judged: readonly JudgedPair[]): VisionDuel['marks'] {
  const both = (name: Criterion) =>
    [mean(judged.map(({ subject }) => subject[name])), mean(judged.map(({ other }) => other[name]))] as const;
  return {
    integration: both('integration'),
    consistency: both('consistency'),
    accuracy: both('accuracy'),
    quality: both('quality'),
  };
}

/** Marks are in steps of 0.25 after the mean of two orders, so equal sums are equal to the bit. */
function sumOf(marks: Marks): number {
  return CRITERIA.reduce((sum, name) => sum + marks[name], 0);
}
