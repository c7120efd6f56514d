import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { parseGenerationRequest } from '../contract/generation-request.ts';
import { assert } from '../core/assert.ts';
import type { AdapterWeights } from '../core/composition/options.ts';
import { InputError } from '../core/problem.ts';
import { type ClipJudge, openClipJudge } from '../engine/clip-judge.ts';
import { openEngine, readModel } from '../engine/open-engine.ts';
import { planEvaluation, requestOf, triggersOf } from '../evaluation/plan-evaluation.ts';
import { clipScore } from '../evaluation/score-pictures.ts';
import { type Try, type Tuned, type TuningCase, tuneLorahub, tuneMerge } from '../evaluation/tune-weights.ts';
import { readClipModel } from '../files/clip-folder.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { squareOf } from '../files/rgb-picture.ts';
import { readFoundWeights, readTestbed } from '../files/testbed-file.ts';
import { existingDirectory } from '../main/folders.ts';
import { generate } from '../pipeline/generate.ts';
import { resolveRequest } from '../pipeline/resolve-request.ts';
import type { Output, RunContext } from './run-context.ts';
import type { TuneArguments } from './tune-arguments.ts';

/**
 * `overtone tune`: the weights of lorahub or the scale of merge, searched for in this very process by pictures and a CLIP. What is
 * found for a set is written as soon as it is found, so that a run that was stopped goes on with the next set.
 */

/** A set before its request is resolved. */
interface Subject {
  readonly id: string;
  readonly request: unknown;
  /** What its pictures should show. */
  readonly caption: string;
}

interface Work {
  readonly subjects: readonly Subject[];
  readonly checkpoint: string;
  readonly loras: string;
  readonly judge: string;
}

export async function runTune(options: TuneArguments, context: RunContext): Promise<void> {
  const { device, threads = availableParallelism(), logger, output, signal } = context;
  const start = performance.now();
  const work = await workOf(options);
  const loras = await existingDirectory('--loras', work.loras);
  const judge = await openClipJudge(await readClipModel(work.judge), { device, threads });
  try {
    const read = await readModel({ checkpoint: work.checkpoint, device });
    const catalog = openLoraFolder(loras);
    const cases = await Promise.all(
      work.subjects.map(async ({ id, request, caption }): Promise<TuningCase> => {
        const parsed = parseGenerationRequest(request);
        const wanted = { ...parsed, ...(options.steps !== undefined && { steps: options.steps }) };
        const inspect = (lora: string) => catalog.inspect(lora, read.model.loraTargets);
        const resolved = await resolveRequest(wanted, read.model, { inspect }, () => 0);
        return { id, request: resolved.request, score: await scorerOf(judge, caption) };
      }),
    );
    const engine = await openEngine({ checkpoint: work.checkpoint, read, loras, device, threads, logger });
    try {
      const draw = (request: TuningCase['request']) =>
        generate(request, engine.model, engine, signal, () => performance.now());
      const { pictures, seed, tries, json } = options;
      if (options.method === 'merge') {
        output.result(mergeLine(await finished(tuneMerge(cases, { pictures, seed, draw }), 'merge', output), json));
      } else {
        await findWeights(cases, { pictures, seed, draw, tries }, { ...options, output });
      }
      if (!json) output.result(`${((performance.now() - start) / 1000).toFixed(0)} s`);
    } finally {
      await engine.close();
    }
  } finally {
    await judge.close();
  }
}

async function workOf({ on, checkpoint, loras }: TuneArguments): Promise<Work> {
  if ('request' in on) {
    assert(checkpoint !== undefined && loras !== undefined, 'the command line has been checked');
    const request = await readRequest(on.request);
    const ids = (request.loras ?? []).map(({ id, sha256 }) => id ?? sha256);
    if (ids.length === 0) {
      const message = '--request names no LoRA; must name those whose weights are searched for';
      throw new InputError([{ code: 'invalid_request', subject: '--request', message }]);
    }
    const subject = { id: ids.join('+'), request, caption: on.caption ?? request.prompt };
    return { subjects: [subject], checkpoint, loras, judge: on.judge };
  }
  const { testbed, at } = await readTestbed(on.testbed);
  const { clip } = testbed.judges;
  if (clip === undefined) {
    const message = `${on.testbed} names no judges.clip; must name the CLIP that scores the pictures`;
    throw new InputError([{ code: 'invalid_request', subject: 'judges.clip', message }]);
  }
  const { sets } = planEvaluation(testbed, on.selection);
  const merged = { name: 'tune', group: 'tune', composition: { method: 'merge' } };
  return {
    subjects: sets.map((set) => ({
      id: set.id,
      request: requestOf(testbed, set, { method: merged, seed: 0 }, undefined),
      caption: triggersOf(set),
    })),
    checkpoint: checkpoint ?? at(testbed.checkpoint),
    loras: loras ?? at(testbed.loras_folder),
    judge: at(clip),
  };
}

async function readRequest(path: string) {
  try {
    return parseGenerationRequest(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const message = `--request is '${path}'; must be a file with a request in JSON`;
    throw new InputError([{ code: 'invalid_request', subject: '--request', message }], { cause });
  }
}

async function scorerOf(judge: ClipJudge, caption: string): Promise<TuningCase['score']> {
  const { embedding } = await judge.embedText(caption);
  return async (picture) => clipScore(await judge.embedPicture(await squareOf(picture, judge.sidePx)), embedding);
}

/** Searches for every set that the file does not hold yet, and writes the file after each. */
async function findWeights(
  cases: readonly TuningCase[],
  search: Parameters<typeof tuneLorahub>[1],
  { out, json, output }: Pick<TuneArguments, 'out' | 'json'> & { readonly output: Output },
): Promise<void> {
  const found = new Map<string, AdapterWeights>(
    out !== undefined && existsSync(out) ? await readFoundWeights(out) : [],
  );
  for (const [index, tuned] of cases.entries()) {
    if (found.has(tuned.id)) {
      output.progress(`${tuned.id} (${index + 1} of ${cases.length}): found before`);
      continue;
    }
    const label = `${tuned.id} (${index + 1} of ${cases.length})`;
    const result = await finished(tuneLorahub(tuned, search), label, output);
    assert(result.composition.method === 'lorahub', 'lorahub was searched for');
    const { weights } = result.composition;
    found.set(tuned.id, weights);
    if (out !== undefined) await writeJson(out, Object.fromEntries(found));
    output.result(json ? JSON.stringify({ id: tuned.id, ...result }) : lorahubLine(tuned.id, weights, result));
  }
}

function lorahubLine(set: string, weights: AdapterWeights, { best, tries }: Tuned): string {
  const factors = weights.map(({ id, weight }) => `${id} ${weight.toFixed(3)}`).join(', ');
  return `${set}: ${factors}; score ${best.score.toFixed(2)}, ${tries[0]?.score.toFixed(2)} at the start`;
}

function mergeLine({ composition, best, tries }: Tuned, json: boolean): string {
  if (json) return JSON.stringify({ composition, best, tries });
  const table = tries.map(({ point, score }) => `${point[0]}: ${score.toFixed(2)}`).join(', ');
  return `scale ${best.point[0]}; scores ${table}`;
}

async function finished(search: AsyncGenerator<Try, Tuned, void>, label: string, output: Output): Promise<Tuned> {
  let next = await search.next();
  for (let count = 1; !next.done; count++) {
    output.progress(`${label}: try ${count}, score ${next.value.score.toFixed(2)}`);
    next = await search.next();
  }
  return next.value;
}

/** Written beside and renamed, so that a run that is stopped leaves the last whole file. */
async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, `${JSON.stringify(value, null, 1)}\n`);
  await rename(`${path}.part`, path);
}
