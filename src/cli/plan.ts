import type { Device } from '../engine/session.ts';
import { describePlan } from '../pipeline/describe-plan.ts';
import type { RequestArguments } from './arguments.ts';
import { planForReader } from './plan-report.ts';
import { resolveArguments } from './resolve-arguments.ts';

/** `overtone plan`: what `overtone generate` would do with the same options, with no engine opened. */
export async function runPlan(
  options: RequestArguments,
  { device, result }: { readonly device: Device; readonly result: (line: string) => void },
): Promise<void> {
  const { read, resolved } = await resolveArguments(options, device);
  const plan = describePlan(resolved, read.model);
  for (const line of options.json ? [JSON.stringify(plan)] : planForReader(plan)) result(line);
}
