import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../../files/canonical-json.ts';
import { openJournal } from '../journal.ts';
import type { ScoredEvaluation } from '../run-evaluation.ts';
import { type EvaluationResult, evaluationResult, type Provenance } from './evaluation-result.ts';
import { reportPage } from './page.ts';
import { writeSheets } from './sheets.ts';
import { picturesCsv, resultsJson, rowsCsv, summaryJson } from './summary.ts';

/** Writes everything that an evaluation leaves beside its pictures: the page, its sheets, and the figures for programs. */
export async function writeReport(
  scored: ScoredEvaluation,
  provenance: Provenance,
  { folder, truthFolder }: { readonly folder: string; readonly truthFolder: string | undefined },
): Promise<EvaluationResult> {
  const figures = evaluationResult(scored, provenance);
  const result = { ...figures, tried: await countTried(figures, provenance, folder) };
  const sheets = await writeSheets(scored.pictures, { plan: provenance.plan, folder, truthFolder });
  const files: Readonly<Record<string, string>> = {
    'report.html': reportPage(result, sheets),
    'summary.json': summaryJson(result),
    'results.json': resultsJson(result),
    'rows.csv': rowsCsv(result),
    'pictures.csv': picturesCsv(scored.pictures, result),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return result;
}

/** One run of the command, as far as it matters to whoever asks how much was tried before something won. */
interface LoggedRun {
  readonly part: string;
  readonly sets: number;
  readonly seeds: number;
  readonly methods: readonly {
    readonly name: string;
    readonly composition: unknown;
    readonly gap: number | null;
    readonly recall: number | null;
  }[];
}

/**
 * Logs this run, once however often it is repeated, and counts how many different compositions of the subject's method have been
 * evaluated in this folder: the more were tried, the less it means that one of them won.
 */
async function countTried(
  { rows, methods, sets, seeds, part, model }: Omit<EvaluationResult, 'tried'>,
  { testbed }: Provenance,
  folder: string,
): Promise<number | null> {
  const journal = await openJournal<LoggedRun>(join(folder, 'runs.jsonl'));
  const key = createHash('sha256')
    .update(canonicalJson({ methods, sets, seeds, picture: testbed.picture, model: model.sha256 }))
    .digest('hex');
  if (journal.find(key) === undefined) {
    const meanOf = (name: string, measure: 'gap' | 'recall') =>
      rows.find(({ method, N }) => method === name && N === 'all')?.[measure]?.mean ?? null;
    const figures = methods.map(({ name, composition }) => ({
      name,
      composition,
      gap: meanOf(name, 'gap'),
      recall: meanOf(name, 'recall'),
    }));
    await journal.add(key, { part, sets: sets.length, seeds, methods: figures });
  }
  const subject = testbed.methods.find(({ name }) => name === testbed.claims?.subject)?.composition?.method;
  if (subject === undefined) return null;
  const compositions = journal.all().flatMap((run) => run.methods.map(({ composition }) => composition));
  const own = compositions.filter((each) => isOfMethod(each, subject)).map(canonicalJson);
  return new Set(own).size;
}

function isOfMethod(composition: unknown, method: unknown): boolean {
  return (
    typeof composition === 'object' && composition !== null && 'method' in composition && composition.method === method
  );
}
