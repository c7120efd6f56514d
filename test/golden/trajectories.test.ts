import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseSchedulerConfig } from '../../src/compiler/configs/scheduler-config.ts';
import type { Tensor } from '../../src/core/tensor/tensor.ts';
import type { Engine } from '../../src/engine/open-engine.ts';
import { describePlan } from '../../src/pipeline/describe-plan.ts';
import { generate } from '../../src/pipeline/generate.ts';
import { relativeDifference } from '../support/deviation.ts';
import { goldenJson, goldenTensors } from '../support/golden-data.ts';
import { openGoldenEngine, resolveGolden } from '../support/golden-engine.ts';

/**
 * Every sampler with the real model, from a seed alone, against the finished latents of diffusers' own pipeline. Both compute in
 * float32, each with its own order of sums; another noise, a wrong timestep or a missed rescale moves the latent by a deviation.
 */

const TOLERANCE = 1e-3;

interface Trajectory {
  readonly tensor: string;
  /** What the case changes in the scheduler's config, under diffusers' names. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly request: { readonly sampler: string };
}

const golden = goldenJson('trajectories.json') as {
  readonly config: Readonly<Record<string, unknown>>;
  readonly cases: readonly Trajectory[];
};
const expected = goldenTensors('trajectories.safetensors');

let engine: Engine;
beforeAll(async () => {
  engine = await openGoldenEngine();
});
afterAll(() => engine.close());

describe('a trajectory ends where diffusers ends it', () => {
  test.each(golden.cases.map((entry) => [entry.request.sampler, JSON.stringify(entry.config), entry] as const))(
    'with %s and %s',
    async (_sampler, _config, { tensor, config, request }) => {
      const scheduler = { ...golden.config, ...config, _class_name: 'DDIMScheduler' };
      const model = { ...engine.model, scheduler: parseSchedulerConfig(scheduler, 'scheduler_config.json').value };
      const resolved = await resolveGolden(engine, request);
      const latents: Tensor[] = [];
      const ports = {
        ...engine,
        decode: (latent: Tensor, signal: AbortSignal) => {
          latents.push(latent);
          return engine.decode(latent, signal);
        },
      };

      const ranking = { split: null, halvesTau: null, orderSource: 'classes' } as const;
      const planned = describePlan({ request: resolved, loras: [], ranking, warnings: [] }, model);
      const events = generate(resolved, model, ports, new AbortController().signal, () => 0);
      const steps: number[] = [];
      for await (const event of events) {
        if (event.type === 'step') steps.push(event.step);
        if (event.type === 'done')
          expect(event).toMatchObject({ passes: planned.passes, plan: { length: planned.plan.length } });
      }

      const [latent] = latents;
      expect(steps).toEqual(Array.from({ length: resolved.steps }, (_, index) => index + 1));
      expect(latent && relativeDifference(latent, expected(tensor))).toBeLessThan(TOLERANCE);
    },
  );
});
