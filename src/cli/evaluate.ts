import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { ServiceError } from '../contract/errors.ts';
import type { Testbed } from '../contract/testbed.ts';
import type { ClipJudge } from '../engine/clip-judge.ts';
import { openClipJudge } from '../engine/clip-judge.ts';
import { type ConceptJudge, openConceptJudge } from '../engine/concept-judge.ts';
import { type Engine, openEngine, readModel } from '../engine/open-engine.ts';
import { askVision } from '../evaluation/ask-vision.ts';
import type { Brush } from '../evaluation/draw-pictures.ts';
import { type EvaluationPlan, type FoundWeights, planEvaluation } from '../evaluation/plan-evaluation.ts';
import { writeReport } from '../evaluation/report/write-report.ts';
import { runEvaluation, type ScoredPicture } from '../evaluation/run-evaluation.ts';
import { type VisionResult, visionDuels } from '../evaluation/vision-duels.ts';
import { readClipModel } from '../files/clip-folder.ts';
import { type ConceptLabels, readConceptJudge } from '../files/concept-judge-folder.ts';
import { openLoraFolder } from '../files/lora-folder.ts';
import { readFoundWeights, readTestbed, type TestbedFile } from '../files/testbed-file.ts';
import { existingDirectory } from '../main/folders.ts';
import { generate } from '../pipeline/generate.ts';
import { resolveRequest } from '../pipeline/resolve-request.ts';
import type { EvaluateArguments } from './evaluate-arguments.ts';
import { describeEvaluationAsJson, describeEvaluationForReader } from './evaluate-report.ts';
import type { ProgressBar } from './progress-bar.ts';
import type { RunContext } from './run-context.ts';

/**
 * `overtone evaluate`: wires a testbed, an engine and judges together in this very process, and leaves a report. The engine is opened
 * only if a picture is missing. What is kept, and what is done again: `evaluation/run-evaluation.ts`.
 */

export interface EvaluateContext extends RunContext {
  /** Who compares pictures where the testbed asks for a vision judge. */
  readonly vision: { readonly url: string; readonly key: string | undefined } | undefined;
  readonly bar: ProgressBar;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  /** Bytes that the process holds at this moment. */
  readonly residentBytes: () => number;
}

export async function runEvaluate(options: EvaluateArguments, context: EvaluateContext): Promise<void> {
  const { device, signal, output, bar } = context;
  const file = await readTestbed(options.testbed);
  const { testbed, at } = file;
  const plan = planEvaluation(testbed, options.selection);
  const checkpoint = options.checkpoint ?? at(testbed.checkpoint);
  const loras = await existingDirectory('loras_folder', options.loras ?? at(testbed.loras_folder));
  const truthFolder = await folderIfSaid('true_renderings', testbed.true_renderings, at);
  const weights = await foundWeights(plan, file);
  const folder = resolve(options.out);

  const read = await readModel({ checkpoint, device });
  const catalog = openLoraFolder(loras);
  const judges = await openJudges(testbed, at, context);
  const easel = createEasel({ checkpoint, read, loras }, context);
  try {
    await mkdir(folder, { recursive: true });
    const scored = await runEvaluation(
      { testbed, plan, folder, weights, truthFolder, labels: judges.labels },
      {
        resolve: (request) =>
          resolveRequest(
            request,
            read.model,
            { inspect: (id) => catalog.inspect(id, read.model.loraTargets) },
            () => 0,
          ),
        openBrush: easel.brush,
        judges,
        progress: ({ stage, done, total }) => bar.show({ label: stage, done, total }),
        signal,
      },
    );
    const vision = await visionOf(scored.pictures, { testbed, plan, folder }, context);
    bar.finish();
    const provenance = {
      testbed,
      sha256: file.sha256,
      plan,
      model: { id: read.model.id, sha256: read.model.sha256, device },
      judges: { clip: judges.clip?.sha256 ?? null, concepts: judges.concepts?.sha256 ?? null },
      vision,
    };
    const result = await writeReport(scored, provenance, { folder, truthFolder });
    const describe = options.json ? describeEvaluationAsJson : describeEvaluationForReader;
    for (const line of describe(result, options.out)) output.result(line);
  } finally {
    bar.finish();
    await easel.close();
    await judges.close();
  }
}

async function folderIfSaid(field: string, path: string | undefined, at: TestbedFile['at']) {
  return path === undefined ? undefined : existingDirectory(field, at(path));
}

async function foundWeights(
  { methods }: EvaluationPlan,
  { at }: TestbedFile,
): Promise<ReadonlyMap<string, FoundWeights>> {
  const found = new Map<string, FoundWeights>();
  for (const { name, weights } of methods) {
    if (weights !== undefined) found.set(name, await readFoundWeights(at(weights)));
  }
  return found;
}

interface OpenJudges {
  readonly clip: ClipJudge | undefined;
  readonly concepts: ConceptJudge | undefined;
  readonly labels: ConceptLabels | undefined;
  close(): Promise<void>;
}

async function openJudges(
  { judges }: Testbed,
  at: TestbedFile['at'],
  { device, threads = availableParallelism() }: EvaluateContext,
): Promise<OpenJudges> {
  const files = judges.concepts === undefined ? undefined : await readConceptJudge(at(judges.concepts));
  const model = judges.clip === undefined ? undefined : await readClipModel(at(judges.clip));
  const clip = model && (await openClipJudge(model, { device, threads }));
  const concepts = files && (await openConceptJudge(files, { device, threads }));
  return {
    clip,
    concepts,
    labels: files?.labels,
    async close() {
      await clip?.close();
      await concepts?.close();
    },
  };
}

/** Opens the engine for the first picture that is missing, and closes it if it was. */
function createEasel(
  { checkpoint, read, loras }: Pick<Parameters<typeof openEngine>[0], 'checkpoint' | 'read' | 'loras'>,
  { device, threads, logger, bar, signal, now, residentBytes }: EvaluateContext,
) {
  let engine: Engine | undefined;
  return {
    async brush(): Promise<Brush> {
      engine ??= await openEngine({
        checkpoint,
        ...(read !== undefined && { read }),
        loras,
        device,
        ...(threads !== undefined && { threads }),
        onProgress: ({ part, done, total }) => bar.show({ label: `loading ${part}`, done, total }),
        logger,
      });
      const { model } = engine;
      const ports = engine;
      return { model, draw: (request) => generate(request, model, ports, signal, now), now, residentBytes };
    },
    close: async (): Promise<void> => engine?.close(),
  };
}

/** Null where the testbed asks for no vision judge, or nobody has said where one is. */
async function visionOf(
  pictures: readonly ScoredPicture[],
  { testbed, plan, folder }: { readonly testbed: Testbed; readonly plan: EvaluationPlan; readonly folder: string },
  { vision, bar, signal, output }: EvaluateContext,
): Promise<VisionResult | null> {
  const asked = testbed.judges.vision;
  const subject = testbed.claims?.subject;
  if (asked === undefined || subject === undefined) return null;
  if (vision === undefined) {
    output.result('note: the testbed asks for a vision judge; set OVERTONE_VISION_URL, and it is asked');
    return null;
  }
  const endpoint = { ...vision, model: asked.model };
  try {
    return await visionDuels(
      pictures,
      { subject, ...asked, seed: testbed.tuning.seed, plan, folder },
      {
        ask: (question, aborted) => askVision(endpoint, question, aborted),
        progress: ({ done, total }) => bar.show({ label: 'asking', done, total }),
        signal,
      },
    );
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    // What has been drawn and scored is not lost with it: a report without this judge is a report.
    output.result(`note: ${error.message}; the report is without it, and the next run goes on asking`);
    return null;
  }
}
