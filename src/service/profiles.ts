import {
  type LoraProfile,
  PROFILE_DEFAULTS,
  type ProfileSettings,
  type ProfileState,
} from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import { InputError } from '../core/problem.ts';
import { profileSettings, type RequestedProfile } from '../pipeline/profile-settings.ts';
import type { KnownFrequency } from '../pipeline/resolve-frequency.ts';
import type { ProfileProducer } from '../queue/profile-queue.ts';
import type { Outlook, ProfileStore } from '../store/profile-store.ts';
import type { Logger } from '../telemetry/logger.ts';
import { reaching } from './reaching.ts';

/**
 * Frequency profiles of LoRAs: ordered where there is none, read by who composes. A profile belongs to bytes, not to an owner: who may
 * see a LoRA is decided before this is asked.
 */
export interface Profiles {
  /**
   * To be called wherever a LoRA shows up: a request names it, a folder holds it, a registry takes it in. Orders its profile where
   * there is none yet, and does nothing otherwise. Never rejects: a picture does not depend on it.
   */
  notice(model: ModelDescriptor, loras: readonly SeenLora[]): Promise<void>;

  /** What a request needs to know of each, in their order. Orders nothing. */
  known(model: ModelDescriptor, loras: readonly Pick<SeenLora, 'sha256'>[]): Promise<readonly KnownFrequency[]>;

  /** `notice` and then `known`, with one look into the store. */
  recognise(model: ModelDescriptor, loras: readonly SeenLora[]): Promise<readonly KnownFrequency[]>;

  /** All that is known of each, in their order. Orders nothing. */
  read(model: ModelDescriptor, loras: readonly Pick<SeenLora, 'sha256'>[]): Promise<readonly ProfileState[]>;

  /** Orders it, whether or not there is one already. Throws an InputError for what cannot be measured with. */
  measure(model: ModelDescriptor, lora: SeenLora, requested: RequestedProfile): Promise<ProfileState>;
}

export interface SeenLora {
  readonly id: string;
  readonly sha256: string;
  /** Words without which it does little: they are put into every prompt that it is measured with. */
  readonly triggers?: readonly string[];
}

export interface ProfilesParts {
  readonly store: ProfileStore;
  readonly queue: ProfileProducer;
  /** False where profiles are only measured when somebody asks. */
  readonly isAutomatic: boolean;
  readonly logger: Logger;
}

export function createProfiles({ store, queue, isAutomatic, logger }: ProfilesParts): Profiles {
  const pairsOf = (model: ModelDescriptor, loras: readonly Pick<SeenLora, 'sha256'>[]) =>
    loras.map(({ sha256 }) => ({ model_sha256: model.sha256, lora_sha256: sha256 }));
  const stored = (model: ModelDescriptor, loras: readonly Pick<SeenLora, 'sha256'>[]) =>
    reaching('Redis', () => store.findAll(pairsOf(model, loras)));
  const lookUp = async (model: ModelDescriptor, loras: readonly Pick<SeenLora, 'sha256'>[]) => {
    const hashes = loras.map(({ sha256 }) => sha256);
    return hashes.length === 0 ? [] : await reaching('Redis', () => store.outlook(model, hashes));
  };

  async function order(model: ModelDescriptor, lora: SeenLora, settings: ProfileSettings, again: boolean) {
    const { id, sha256 } = lora;
    await reaching('Redis', () =>
      queue.order(model.id, { model_sha256: model.sha256, lora: { id, sha256 }, settings, again }),
    );
    logger.info({ lora: id, sha256, model: model.id }, 'to be measured');
  }

  /** Orders what there is neither a profile, nor an error, nor an order of, and resolves with what was ordered. Never rejects. */
  async function orderMissing(
    model: ModelDescriptor,
    loras: readonly SeenLora[],
    find: () => Promise<readonly Outlook[]>,
  ): Promise<ReadonlySet<string>> {
    const ordered = new Set<string>();
    if (!isAutomatic) return ordered;
    try {
      const found = await find();
      for (const [index, lora] of loras.entries()) {
        const { pixel = null, error = null, isOrdered = false } = found[index] ?? {};
        if (pixel !== null || error !== null || isOrdered) continue;
        await order(model, lora, profileSettings(withTriggers({}, lora), model), false);
        ordered.add(lora.sha256);
      }
    } catch (error) {
      // A model whose own size is too small to tell frequencies apart, or a Redis that is away: the next time, or never.
      const level = error instanceof InputError ? 'debug' : 'warn';
      logger[level]({ err: error, loras: loras.map(({ id }) => id) }, 'cannot be measured now');
    }
    return ordered;
  }

  async function stateOf(
    model: ModelDescriptor,
    sha256: string,
    known: LoraProfile | null,
    error: ProfileState['error'],
  ) {
    const progress = await reaching('Redis', () => queue.progress(model.id, sha256));
    const settled = error !== null ? 'failed' : known !== null ? 'ready' : 'absent';
    const status = progress === undefined ? settled : 'pending';
    return { status, progress: progress ?? null, profile: known, error } as const;
  }

  return {
    notice: (model, loras) => orderMissing(model, loras, () => lookUp(model, loras)).then(() => {}),

    async known(model, loras) {
      return (await lookUp(model, loras)).map(frequencyOf);
    },

    async recognise(model, loras) {
      const found = await lookUp(model, loras);
      const ordered = await orderMissing(model, loras, async () => found);
      return found.map((outlook, index) => {
        const isOrdered = outlook.isOrdered || ordered.has(loras[index]?.sha256 ?? '');
        return frequencyOf({ ...outlook, isOrdered });
      });
    },

    async read(model, loras) {
      const known = await stored(model, loras);
      return await Promise.all(
        loras.map(({ sha256 }, index) =>
          stateOf(model, sha256, known[index]?.profile ?? null, known[index]?.error ?? null),
        ),
      );
    },

    async measure(model, lora, requested) {
      await order(model, lora, profileSettings(withTriggers(requested, lora), model), true);
      const [known] = await stored(model, [lora]);
      return stateOf(model, lora.sha256, known?.profile ?? null, known?.error ?? null);
    },
  };
}

function frequencyOf({ pixel, error, isOrdered }: Outlook): KnownFrequency {
  if (pixel !== null) return { status: 'ready', profile: { pixel } };
  const status = error !== null ? 'failed' : isOrdered ? 'pending' : 'absent';
  return { status, profile: null };
}

/** Prompts that somebody wrote are taken as they are. */
function withTriggers(requested: RequestedProfile, { triggers = [] }: SeenLora): RequestedProfile {
  if (requested.prompts !== undefined || triggers.length === 0) return requested;
  return { ...requested, prompts: PROFILE_DEFAULTS.prompts.map((prompt) => [prompt, ...triggers].join(', ')) };
}
