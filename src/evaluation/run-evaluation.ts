import { join } from 'node:path';
import type { GenerationRequest } from '../contract/generation-request.ts';
import type { Testbed } from '../contract/testbed.ts';
import { conceptScores } from '../core/evaluation/concept-scores.ts';
import type { TruthScores } from '../core/evaluation/figures.ts';
import type { PictureScores } from '../core/evaluation/picture-scores.ts';
import { psnr } from '../core/evaluation/psnr.ts';
import type { ConceptLabels } from '../files/concept-judge-folder.ts';
import { pixelsSha256 } from '../files/rgb-picture.ts';
import type { ResolvedGeneration } from '../pipeline/resolve-request.ts';
import { type Brush, type DrawnPicture, drawPicture, findPicture, keyOf } from './draw-pictures.ts';
import { type Journal, openJournal } from './journal.ts';
import {
  type EvaluatedSet,
  type EvaluationPlan,
  type FoundWeights,
  type PlannedPicture,
  plannedPictures,
  requestOf,
  triggersOf,
  withMethod,
} from './plan-evaluation.ts';
import { clipScore, embedText, type Journals, type Judges, pictureFile, type Seen, see } from './score-pictures.ts';
import { trueRenderings } from './true-renderings.ts';

/**
 * An evaluation from its plan to scored pictures. Every picture and every score is kept as soon as it is there, so a run that is
 * stopped loses one of each at most, and the next one goes on where it was; the scores are the same either way. Figures and reports
 * are made from what this gives.
 */

export interface EvaluationOptions {
  readonly testbed: Testbed;
  readonly plan: EvaluationPlan;
  /** Where pictures and journals lie. */
  readonly folder: string;
  /** Weights of methods that search for them, by method. */
  readonly weights: ReadonlyMap<string, FoundWeights>;
  readonly truthFolder: string | undefined;
  readonly labels: ConceptLabels | undefined;
}

/** What an evaluation is given to work with. What is opened is opened when it is needed, once. */
export interface Studio {
  readonly resolve: (request: GenerationRequest) => Promise<ResolvedGeneration>;
  readonly openBrush: () => Promise<Brush>;
  readonly judges: Judges;
  readonly progress: (at: {
    readonly stage: 'drawing' | 'judging';
    readonly done: number;
    readonly total: number;
  }) => void;
  readonly signal: AbortSignal;
}

export interface ScoredPicture {
  readonly planned: PlannedPicture;
  readonly drawn: DrawnPicture;
  readonly scores: PictureScores;
}

export interface ScoredEvaluation {
  readonly pictures: readonly ScoredPicture[];
  /** True renderings of each set. */
  readonly truth: readonly (readonly TruthScores[])[];
  /** How many of the true renderings' concepts the judge finds, and how many there are: what a judge is worth. */
  readonly truthFound: { readonly found: number; readonly wanted: number } | null;
}

/** Throws an InputError before anything is drawn if any method cannot run on any set; the signal's reason once it is aborted. */
export async function runEvaluation(options: EvaluationOptions, studio: Studio): Promise<ScoredEvaluation> {
  const { folder, plan } = options;
  const journal = await openJournal<DrawnPicture>(join(folder, 'pictures.jsonl'));
  const journals: Journals = {
    clip: await openJournal(join(folder, 'clip.jsonl')),
    concepts: await openJournal(join(folder, 'concepts.jsonl')),
  };
  const requests = await resolveAll(options, studio);
  const drawn = await drawMissing(requests, options, studio, journal);
  const texts = await textsOf(plan.sets, studio.judges, journals);
  const pictures = await scoreAll(drawn, texts, { options, studio, journals });
  return { pictures, ...(await scoreTruth(texts, { options, studio, journals })) };
}

interface Resolved {
  readonly planned: PlannedPicture;
  readonly resolved: ResolvedGeneration;
}

/** Noises of one set and method differ in the seed alone, so each of those is resolved once. */
async function resolveAll(
  { testbed, plan, weights }: EvaluationOptions,
  { resolve }: Studio,
): Promise<readonly Resolved[]> {
  const known = new Map<string, ResolvedGeneration>();
  const all: Resolved[] = [];
  for (const planned of plannedPictures(plan)) {
    const { method } = planned;
    const set = setAt(plan, planned.set);
    const key = `${method.name} ${set.id}`;
    const request = requestOf(testbed, set, { method, seed: 0 }, weights.get(method.name));
    const first =
      known.get(key) ??
      (await resolve(request).catch((error: unknown) => {
        throw withMethod(`${method.name}, set ${set.id}`, error);
      }));
    known.set(key, first);
    const seed = first.request.seed + planned.seed;
    all.push({ planned, resolved: { ...first, request: { ...first.request, seed } } });
  }
  return all;
}

interface Drawn {
  readonly planned: PlannedPicture;
  readonly drawn: DrawnPicture;
}

async function drawMissing(
  requests: readonly Resolved[],
  { plan, folder }: EvaluationOptions,
  { openBrush, progress, signal }: Studio,
  journal: Journal<DrawnPicture>,
): Promise<readonly Drawn[]> {
  const all: Drawn[] = [];
  const total = requests.length;
  for (const [done, { planned, resolved }] of requests.entries()) {
    signal.throwIfAborted();
    let drawn = await findPicture(folder, journal, resolved.request);
    if (drawn === undefined) {
      progress({ stage: 'drawing', done, total });
      const { method, seed } = planned;
      // The key is in the name, so that a method whose options have changed does not overwrite what it was.
      const name = `${method.name}-${seed}-${keyOf(resolved.request).slice(0, 8)}.png`;
      const file = join('pictures', setAt(plan, planned.set).id, name);
      drawn = await drawPicture(resolved, { folder, file }, journal, await openBrush());
    }
    all.push({ planned, drawn });
  }
  return all;
}

/** What each set's pictures should show, as vectors; empty without a judge for it. */
async function textsOf(sets: readonly EvaluatedSet[], { clip }: Judges, journals: Journals) {
  const texts: Float32Array[] = [];
  if (clip !== undefined) for (const set of sets) texts.push(await embedText(triggersOf(set), clip, journals.clip));
  return texts;
}

interface Scoring {
  readonly options: EvaluationOptions;
  readonly studio: Studio;
  readonly journals: Journals;
}

async function scoreAll(
  all: readonly Drawn[],
  texts: readonly Float32Array[],
  { options, studio, journals }: Scoring,
): Promise<readonly ScoredPicture[]> {
  const { plan, folder, labels } = options;
  const { judges, progress, signal } = studio;
  const byPlace = new Map(all.map(({ planned, drawn }) => [placeOf(planned, planned.method.name), drawn]));
  const scored: ScoredPicture[] = [];
  for (const [done, { planned, drawn }] of all.entries()) {
    signal.throwIfAborted();
    progress({ stage: 'judging', done, total: all.length });
    const { method, set, seed } = planned;
    const seen = await see(pictureFile(folder, drawn), judges, journals);
    const reference = method.reference === undefined ? undefined : byPlace.get(placeOf(planned, method.reference));
    const scores: PictureScores = {
      method: method.name,
      set,
      seed,
      clipScore: scoreOf(seen, texts[set]),
      embedding: seen.embedding,
      concepts: conceptsOf(seen, setAt(plan, set), labels),
      psnr: reference === undefined ? null : await distance(folder, drawn, reference),
      seconds: drawn.seconds,
      passes: drawn.passes,
      fullPasses: drawn.full_passes,
      peakBytes: drawn.peak_bytes,
    };
    scored.push({ planned, drawn, scores });
  }
  return scored;
}

async function scoreTruth(texts: readonly Float32Array[], { options, studio, journals }: Scoring) {
  const { plan, truthFolder, labels } = options;
  const truth: (readonly TruthScores[])[] = [];
  const tally = { found: 0, wanted: 0 };
  for (const [index, set] of plan.sets.entries()) {
    studio.signal.throwIfAborted();
    const pictures = truthFolder === undefined ? [] : await trueRenderings(truthFolder, set.id);
    const scores: TruthScores[] = [];
    for (const picture of pictures) {
      const lazy = { pixels_sha256: pixelsSha256(picture), read: async () => picture };
      const seen = await see(lazy, studio.judges, journals);
      scores.push({ clipScore: scoreOf(seen, texts[index]), embedding: seen.embedding });
      const concepts = conceptsOf(seen, set, labels);
      tally.found += concepts?.found ?? 0;
      tally.wanted += concepts?.wanted ?? 0;
    }
    truth.push(scores);
  }
  return { truth, truthFound: tally.wanted === 0 ? null : tally };
}

function scoreOf({ embedding }: Seen, text: Float32Array | undefined): number | null {
  return embedding === null || text === undefined ? null : clipScore(embedding, text);
}

function conceptsOf({ sight }: Seen, { loras }: EvaluatedSet, labels: ConceptLabels | undefined) {
  if (sight === null || labels === undefined) return null;
  const concepts = labels.concepts.filter(({ threshold }, index) => (sight.concepts[index] ?? 0) >= threshold);
  const slots = labels.slots.map(({ name, values }, index) => [name, values[sight.slots[index] ?? -1] ?? ''] as const);
  return conceptScores(
    loras.map(({ id, fixes = {}, habits = {}, hides = [] }) => ({ id, fixes, habits, hides })),
    { concepts: new Set(concepts.map(({ name }) => name)), slots: Object.fromEntries(slots) },
  );
}

/** What equal pictures count as, so that means stay finite: finer than 8 bits can differ. */
const EQUAL_DB = 100;

async function distance(folder: string, one: DrawnPicture, other: DrawnPicture): Promise<number> {
  if (one.pixels_sha256 === other.pixels_sha256) return EQUAL_DB;
  const [a, b] = [await pictureFile(folder, one).read(), await pictureFile(folder, other).read()];
  return psnr(a.pixels, b.pixels);
}

function placeOf({ set, seed }: PlannedPicture, method: string): string {
  return `${set} ${seed} ${method}`;
}

export function setAt({ sets }: EvaluationPlan, index: number): EvaluatedSet {
  const set = sets[index];
  if (set === undefined) throw new Error(`the plan has no set ${index}`);
  return set;
}
