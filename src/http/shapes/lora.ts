import Type from 'typebox';
import type { LoraProfile, NoiseLevel, PaperStatistics, ProfileSettings } from '../../contract/lora-profile.ts';
import type { LoraRecord } from '../../contract/lora-record.ts';
import type { LoraReceipt } from '../../core/lora/receipt.ts';
import { CATEGORIES } from '../../core/sequencer/frequency-sets.ts';
import type { DescribedProfile } from '../../service/describe-profile.ts';
import type { InspectedLora, LoraPage } from '../../service/loras.ts';
import { receiptFields } from './generation.ts';
import { PROBLEM } from './problem.ts';
import { closed, count, named, orNull, sha256, shape, texts, time } from './shape.ts';

/** LoRAs: what the registry knows of them, what of them fits a model, and what was measured. */

/** A tuple of TypeBox is one of an older JSON Schema. */
const halves = Type.Unsafe<readonly [number, number]>(Type.Array(Type.Number(), { minItems: 2, maxItems: 2 }));
const numbers = Type.Array(Type.Number());

const settings = shape<ProfileSettings>()(
  Type.Object(
    {
      revision: Type.Literal(1),
      prompts: texts,
      seeds: Type.Array(count),
      steps: count,
      guidance_scale: Type.Number(),
      width: count,
      height: count,
      level_count: count,
      interval: count,
    },
    closed,
  ),
);

const noiseLevels = Type.Array(
  shape<NoiseLevel>()(Type.Object({ timestep: Type.Number(), alpha_bar: Type.Number() }, closed)),
);

const change = Type.Object({ raw: numbers, log: numbers }, closed);

const paper = shape<PaperStatistics>()(
  Type.Object({ picture: Type.Number(), base_picture: Type.Number(), change, base_change: change }, closed),
);

const spaceFields = { score: Type.Number(), halves, strength: Type.Number() };
const levelFields = { score: Type.Number(), strength: Type.Number() };
const measuredSpace = Type.Object({ ...spaceFields, levels: Type.Array(Type.Object(levelFields, closed)) }, closed);
const wholeSpace = Type.Object(
  { ...spaceFields, levels: Type.Array(Type.Object({ ...levelFields, spectrum: numbers }, closed)) },
  closed,
);
const measuredOn = { model_sha256: sha256, lora_sha256: sha256, settings, noise_levels: noiseLevels, paper };

export const PROFILE = named<LoraProfile>(
  'Profile',
  shape<LoraProfile>()(
    Type.Object(
      { ...measuredOn, latent: wholeSpace, pixel: wholeSpace },
      { ...closed, description: 'What was measured of a LoRA on a model, spectra and all.' },
    ),
  ),
);

export const DESCRIBED_PROFILE = named<DescribedProfile>(
  'DescribedProfile',
  shape<DescribedProfile>()(
    Type.Object(
      {
        status: Type.Enum(['absent', 'pending', 'ready', 'failed']),
        progress: orNull(Type.Object({ done: count, total: count }, closed)),
        error: orNull(PROBLEM.ref),
        measured: orNull(Type.Object({ ...measuredOn, latent: measuredSpace, pixel: measuredSpace }, closed)),
      },
      { ...closed, description: 'How far the measuring of a LoRA is, and its scores.' },
    ),
  ),
);

const recordFields = {
  id: Type.String(),
  name: Type.String(),
  sha256,
  bytes: count,
  format: receiptFields.format,
  base: Type.String(),
  ranks: numbers,
  alphas: numbers,
  category: orNull(Type.Enum([...CATEGORIES])),
  triggers: texts,
  metadata: Type.Record(Type.String(), Type.String()),
  uploaded_at: time,
};
const inFolder = { id: Type.String(), source: Type.Literal('folder') };
const uploaded = { ...recordFields, source: Type.Literal('upload') };
shape<LoraRecord>()(Type.Object(recordFields));

export const LORA_PAGE = named<LoraPage>(
  'Loras',
  shape<LoraPage>()(
    Type.Object(
      {
        loras: Type.Array(Type.Union([Type.Object(inFolder, closed), Type.Object(uploaded, closed)])),
        next: orNull(Type.String({ description: 'What to list after next; null at the end.' })),
      },
      { ...closed, description: 'LoRAs by their ids.' },
    ),
  ),
);

/** Never in the answer of a LoRA by itself: which class it has is a matter of a request. */
const frequency = Type.Optional(
  Type.Unsafe<NonNullable<InspectedLora['frequency']>>({ not: {}, description: 'In the receipts of a request only.' }),
);
const inspected = { ...receiptFields, frequency, frequency_profile: DESCRIBED_PROFILE.ref };

export const INSPECTED_LORA = named<InspectedLora>(
  'Lora',
  Type.Union([Type.Object({ ...inFolder, ...inspected }, closed), Type.Object({ ...uploaded, ...inspected }, closed)], {
    description: 'A LoRA, what of it matches a model, and what was measured of it there.',
  }),
);

export const INSTALLED_LORA = named<LoraRecord & LoraReceipt & { readonly source: 'upload' }>(
  'InstalledLora',
  shape<LoraRecord & LoraReceipt & { readonly source: 'upload' }>()(
    Type.Object({ ...uploaded, ...receiptFields }, { ...closed, description: 'A LoRA as it came into the registry.' }),
  ),
);

export const ORDERED_PROFILE = Type.Object({ id: Type.String(), frequency_profile: DESCRIBED_PROFILE.ref }, closed);
