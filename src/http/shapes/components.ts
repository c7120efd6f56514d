import type { TSchema } from 'typebox';
import { GENERATION_REQUEST_SCHEMA, type GenerationRequest } from '../../contract/generation-request.ts';
import { ACCEPTED, EVALUATION, EVENT, GENERATION, PLAN, RECEIPT, RESOLVED_REQUEST, RESULT } from './generation.ts';
import { DESCRIBED_PROFILE, INSPECTED_LORA, INSTALLED_LORA, LORA_PAGE, PROFILE } from './lora.ts';
import { PROBLEM } from './problem.ts';
import { API_KEY, NEW_API_KEY, READINESS } from './service.ts';
import { named } from './shape.ts';

/** What a page shows first: one that works on any model. */
const EXAMPLE: GenerationRequest = { prompt: 'a harbour in fog, evening light', seed: 7, steps: 20 };

export const GENERATION_REQUEST = named<GenerationRequest>('GenerationRequest', {
  ...GENERATION_REQUEST_SCHEMA,
  examples: [EXAMPLE],
});

/** Everything that the document calls by a name. */
export const COMPONENTS: readonly TSchema[] = [
  GENERATION_REQUEST,
  ACCEPTED,
  GENERATION,
  RESULT,
  RESOLVED_REQUEST,
  RECEIPT,
  EVALUATION,
  EVENT,
  PLAN,
  LORA_PAGE,
  INSPECTED_LORA,
  INSTALLED_LORA,
  DESCRIBED_PROFILE,
  PROFILE,
  API_KEY,
  NEW_API_KEY,
  READINESS,
  PROBLEM,
].map(({ schema }) => schema);
