import type { FastifyInstance } from 'fastify';
import { parseProfileRequest } from '../../contract/profile-request.ts';
import type { Loras } from '../../service/loras.ts';

/**
 * A LoRA's frequency profile, spectra and all, and the order to measure it again: 202, and how far that is. The body may name prompts,
 * seeds and steps, and may be left out. `?model=` as with the LoRA itself.
 */
export function loraProfile(app: FastifyInstance, loras: Loras): void {
  const url = '/v1/loras/:id/profile';
  interface Route {
    Params: { id: string };
    Querystring: { model?: string };
  }
  app.get<Route>(url, async ({ caller, params, query }) => loras.profile(caller, params.id, query.model?.toString()));
  app.post<Route>(url, async ({ caller, params, query, body }, reply) => {
    const { prompts, seeds: seedCount, steps } = parseProfileRequest(body ?? {});
    const frequency_profile = await loras.measure(caller, params.id, query.model?.toString(), {
      prompts,
      seedCount,
      steps,
    });
    return reply.code(202).send({ id: params.id, frequency_profile });
  });
}
