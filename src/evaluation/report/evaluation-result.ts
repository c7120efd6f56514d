import type { Testbed } from '../../contract/testbed.ts';
import { VERSION } from '../../contract/version.ts';
import { type Claim, claimsOf, type Duels, duelsOf } from '../../core/evaluation/claims.ts';
import { evaluationTable, type FigureRow, figureRows } from '../../core/evaluation/figures.ts';
import type { EvaluationPlan } from '../plan-evaluation.ts';
import type { ScoredEvaluation } from '../run-evaluation.ts';
import type { VisionResult } from '../vision-duels.ts';

/** An evaluation as a value: everything that the report says, with no picture in it. It is what `results.json` holds. */
export interface EvaluationResult {
  readonly testbed: { readonly title: string; readonly sha256: string; readonly notes: readonly string[] };
  readonly version: string;
  readonly model: { readonly id: string; readonly sha256: string; readonly device: string };
  /** Hashes of the judges that there were. */
  readonly judges: { readonly clip: string | null; readonly concepts: string | null };
  readonly group: string;
  readonly part: EvaluationPlan['part'];
  readonly seeds: number;
  readonly picture: Testbed['picture'];
  readonly prompt: Testbed['prompt'];
  readonly sets: readonly { readonly id: string; readonly N: number }[];
  readonly methods: readonly {
    readonly name: string;
    readonly title: string;
    readonly composition: Readonly<Record<string, unknown>> | null;
    readonly steps: number;
  }[];
  readonly baseline: string;
  readonly rivals: readonly string[];
  /** Differences of CLIPScore up to this are ties. */
  readonly delta: number;
  /** True renderings: how many there are, and the share of their concepts that the judge finds. */
  readonly truth: { readonly renderings: number; readonly found: number | null };
  readonly rows: readonly FigureRow[];
  readonly claims: readonly Claim[];
  readonly duels: { readonly subject: string; readonly margins: readonly Duels[] } | null;
  readonly vision: VisionResult | null;
  /** How many compositions of the subject's method have been evaluated in this folder; null without a subject. */
  readonly tried: number | null;
}

/** Where an evaluation came from, beside what it scored. */
export interface Provenance {
  readonly testbed: Testbed;
  readonly sha256: string;
  readonly plan: EvaluationPlan;
  readonly model: EvaluationResult['model'];
  readonly judges: EvaluationResult['judges'];
  readonly vision: VisionResult | null;
}

export function evaluationResult(scored: ScoredEvaluation, provenance: Provenance): Omit<EvaluationResult, 'tried'> {
  const { testbed, sha256, plan, model, judges, vision } = provenance;
  const names = plan.methods.map(({ name }) => name);
  const { subject, rivals = [], tuned, fast } = testbed.claims ?? {};
  const isThere = (name: string | undefined): name is string => name !== undefined && names.includes(name);
  const table = evaluationTable({
    sets: plan.sets.map(({ id, loras }) => ({ id, loras: loras.map((lora) => lora.id) })),
    methods: names,
    pictures: scored.pictures.map(({ scores }) => scores),
    truth: scored.truth,
    baseline: testbed.baseline,
    headline: names,
    rivals,
    seed: testbed.tuning.seed,
  });
  const { truth, truthFound } = scored;
  return {
    testbed: { title: testbed.title, sha256, notes: testbed.notes ?? [] },
    version: VERSION,
    model,
    judges,
    group: plan.group,
    part: plan.part,
    seeds: plan.seeds,
    picture: testbed.picture,
    prompt: testbed.prompt,
    sets: plan.sets.map(({ id, loras }) => ({ id, N: loras.length })),
    methods: plan.methods.map(({ name, title = name, composition = null, steps = testbed.picture.steps }) => ({
      name,
      title,
      composition,
      steps,
    })),
    baseline: testbed.baseline,
    rivals: rivals.filter(isThere),
    delta: table.delta,
    truth: {
      renderings: truth.reduce((sum, { length }) => sum + length, 0),
      found: truthFound === null ? null : truthFound.found / truthFound.wanted,
    },
    rows: figureRows(table),
    claims:
      isThere(subject) && rivals.some(isThere)
        ? claimsOf(table, {
            subject,
            rivals,
            tuned: isThere(tuned) ? tuned : null,
            fast: isThere(fast) ? fast : null,
          })
        : [],
    duels: isThere(subject) ? { subject, margins: duelsOf(table, subject) } : null,
    vision,
  };
}
