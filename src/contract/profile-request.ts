import Type, { type Static } from 'typebox';
import { InputError } from '../core/problem.ts';
import { LIMITS } from './limits.ts';
import { PROFILE_COUNT_MAX, PROFILE_COUNT_MIN, PROFILE_DEFAULTS } from './lora-profile.ts';
import { shapeProblems } from './request-problems.ts';

/** What an order of a profile may say: what to measure with. Size and guidance are the model's own, so that scores compare. */

export const PROFILE_REQUEST_SCHEMA = Type.Object(
  {
    prompts: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: LIMITS.promptBytes, 'x-allowed': 'a text, not empty' }), {
        minItems: PROFILE_COUNT_MIN,
        maxItems: PROFILE_COUNT_MAX,
        description:
          'Each is drawn with each seed. Default: four plain ones, with the words that trigger the LoRA, where they are known.',
      }),
    ),
    seeds: Type.Optional(
      Type.Integer({
        minimum: PROFILE_COUNT_MIN,
        maximum: PROFILE_COUNT_MAX,
        description: 'How many; they are 0, 1, 2, ... Default 4.',
      }),
    ),
    steps: Type.Optional(
      Type.Integer({
        minimum: PROFILE_DEFAULTS.levelCount,
        maximum: LIMITS.stepsMax,
        description: 'Of each picture; noise levels lie in even spaces of them. Default 20.',
      }),
    ),
  },
  { additionalProperties: false, description: 'What to measure a LoRA with.' },
);

export type ProfileRequest = Static<typeof PROFILE_REQUEST_SCHEMA>;

/** Throws an `InputError` with every problem. */
export function parseProfileRequest(value: unknown): ProfileRequest {
  const problems = shapeProblems(PROFILE_REQUEST_SCHEMA, value);
  if (problems.length > 0) throw new InputError(problems);
  return value as ProfileRequest;
}
