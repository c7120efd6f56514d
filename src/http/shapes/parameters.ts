import Type from 'typebox';
import { LIMITS } from '../../contract/limits.ts';

/** What routes take beside a body, where several take the same. The services check all of it themselves. */

export const GENERATION_ID = Type.Object({ id: Type.String({ description: 'Of the generation.' }) });

export const IMAGE_OF_GENERATION = Type.Object({
  id: Type.String({ description: 'Of the generation.' }),
  index: Type.Integer({ minimum: 0, maximum: 999, description: 'Which of its pictures, from 0.' }),
});

export const LORA_ID = Type.Object({ id: Type.String({ description: 'Of the LoRA.' }) });

export const MODEL_QUERY = Type.Object({
  model: Type.Optional(Type.String({ description: 'Default: the only model that is served.' })),
});

export const IDEMPOTENCY_KEY = Type.Optional(
  Type.String({
    pattern: '^[\\x21-\\x7e]+$',
    maxLength: LIMITS.idempotencyKeyCharacters,
    description: 'The same key with the same request is answered as the first time, and nothing is done again.',
  }),
);
