import type { FastifyInstance, FastifySchema } from 'fastify';
import { PROFILE_REQUEST_SCHEMA, parseProfileRequest } from '../../contract/profile-request.ts';
import type { Loras } from '../../service/loras.ts';
import { json } from '../shapes/answer.ts';
import { ORDERED_PROFILE, PROFILE } from '../shapes/lora.ts';
import { LORA_ID, MODEL_QUERY } from '../shapes/parameters.ts';
import { REQUEST_PROBLEMS } from '../shapes/problems-of.ts';

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
  app.get<Route>(url, { schema: GET_SCHEMA }, async ({ caller, params, query }) =>
    loras.profile(caller, params.id, query.model?.toString()),
  );
  app.post<Route>(url, { schema: POST_SCHEMA }, async ({ caller, params, query, body }, reply) => {
    const { prompts, seeds: seedCount, steps } = parseProfileRequest(body ?? {});
    const frequency_profile = await loras.measure(caller, params.id, query.model?.toString(), {
      prompts,
      seedCount,
      steps,
    });
    return reply.code(202).send({ id: params.id, frequency_profile });
  });
}

const GET_SCHEMA: FastifySchema = {
  operationId: 'getProfile',
  tags: ['loras'],
  summary: "Fetch a LoRA's frequency profile",
  params: LORA_ID,
  querystring: MODEL_QUERY,
  response: { 200: json('The whole profile, spectra and all.', PROFILE.ref) },
  'x-problems': [...REQUEST_PROBLEMS, 'not_found'],
};

const POST_SCHEMA: FastifySchema = {
  operationId: 'measureProfile',
  tags: ['loras'],
  summary: "Have a LoRA's frequency profile measured",
  params: LORA_ID,
  querystring: MODEL_QUERY,
  body: PROFILE_REQUEST_SCHEMA,
  'x-body-optional': true,
  response: { 202: json('It is to be measured, or is being.', ORDERED_PROFILE) },
  'x-problems': REQUEST_PROBLEMS,
};
