import Type from 'typebox';
import type { ShownApiKey } from '../../contract/api-key.ts';
import { SCOPES } from '../../contract/principal.ts';
import { SAMPLER_NAMES } from '../../core/samplers/names.ts';
import type { NewApiKey } from '../../service/api-keys.ts';
import type { Readiness } from '../../service/health.ts';
import { closed, count, named, orNull, sha256, shape, time } from './shape.ts';

/** The service itself: its models, its keys, its health. */

export const MODELS = Type.Object(
  {
    models: Type.Array(
      Type.Object(
        {
          id: Type.String(),
          sha256,
          family: Type.Literal('sd1'),
          device: Type.String(),
          side_multiple: count,
          defaults: Type.Object(
            {
              width: count,
              height: count,
              steps: count,
              guidance_scale: Type.Number(),
              sampler: Type.Enum([...SAMPLER_NAMES]),
            },
            closed,
          ),
          lora_targets: count,
        },
        closed,
      ),
    ),
  },
  closed,
);

const keyFields = {
  kid: Type.String(),
  owner: Type.String(),
  scopes: Type.Array(Type.Enum([...SCOPES])),
  created_at: time,
  expires_at: orNull(time),
  note: Type.String(),
  requests_per_minute: orNull(count),
  pictures_per_day: orNull(count),
};

export const API_KEY = named<ShownApiKey>(
  'ApiKey',
  shape<ShownApiKey>()(Type.Object(keyFields, { ...closed, description: 'An API key without its secret.' })),
);

export const NEW_API_KEY = named<NewApiKey>(
  'NewApiKey',
  shape<NewApiKey>()(
    Type.Object(
      { ...keyFields, key: Type.String({ description: 'The whole key: now, and never again.' }) },
      { ...closed, description: 'An API key that has just been made.' },
    ),
  ),
);

export const READINESS = named<Readiness>(
  'Readiness',
  shape<Readiness>()(
    Type.Object(
      {
        status: Type.Enum(['ready', 'loading', 'unavailable']),
        redis: Type.Enum(['ok', 'refuses_writes', 'unreachable']),
        models: Type.Array(
          Type.Object({ id: Type.String(), status: Type.Enum(['ready', 'loading', 'no_worker']) }, closed),
        ),
        workers: Type.Array(
          Type.Object(
            {
              model: Type.String(),
              device: Type.String(),
              state: Type.Enum(['loading', 'ready']),
              progress: Type.Optional(Type.Object({ part: Type.String(), done: count, total: count }, closed)),
            },
            closed,
          ),
        ),
      },
      { ...closed, description: 'Whether a generation would be accepted and run now, and what is missing.' },
    ),
  ),
);
