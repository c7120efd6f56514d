import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
  const result = evaluationResult(scored, provenance);
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
