import { ServiceError } from '../contract/errors.ts';
import type { NamedReceipt } from '../contract/generation-result.ts';
import type { LoraProfile, ProfileState } from '../contract/lora-profile.ts';
import type { LoraRecord } from '../contract/lora-record.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Principal } from '../contract/principal.ts';
import type { LoraFolder } from '../files/lora-folder.ts';
import type { RequestedProfile } from '../pipeline/profile-settings.ts';
import type { LoraRegistry } from '../store/lora-registry.ts';
import { type DescribedProfile, describeProfile } from './describe-profile.ts';
import { expectLora, type LoraShelf } from './lora-shelf.ts';
import type { Models } from './models.ts';
import type { Profiles, SeenLora } from './profiles.ts';
import { reaching } from './reaching.ts';

/** The LoRAs that a caller can use: the folder's, which gateway and worker both read, and those that its owner has uploaded. */
export interface Loras {
  /** By their ids, those after `after`; `next` is what to list after next, null at the end. Throws an InputError for a bad page. */
  list(caller: Principal, page: { readonly after: string; readonly limit: number }): Promise<LoraPage>;
  /**
   * What a LoRA does on a model (without one, the only model served), and what was measured of it; one that nobody has seen before is
   * to be measured from now on. Throws `not_found`, whatever `Models.find` throws, and an InputError for a file that cannot be applied.
   */
  inspect(caller: Principal, id: string, model: string | undefined): Promise<InspectedLora>;
  /** The whole profile, spectra and all. Throws what `inspect` throws, and `not_found` where it has not been measured. */
  profile(caller: Principal, id: string, model: string | undefined): Promise<LoraProfile>;
  /** Orders a profile, whether or not there is one. Throws what `inspect` throws, and an InputError for what cannot be measured with. */
  measure(
    caller: Principal,
    id: string,
    model: string | undefined,
    requested: RequestedProfile,
  ): Promise<DescribedProfile>;
}

export interface LoraPage {
  readonly loras: readonly ListedLora[];
  readonly next: string | null;
}

/** What a LoRA of the folder is takes reading its file: that is asked of each by itself. */
export type ListedLora =
  | { readonly id: string; readonly source: 'folder' }
  | (LoraRecord & { readonly source: 'upload' });

export type InspectedLora = NamedReceipt &
  ListedLora & {
    readonly frequency_profile: DescribedProfile;
  };

export function createLoras(parts: {
  readonly folder: LoraFolder;
  readonly registry: LoraRegistry;
  readonly shelf: LoraShelf;
  readonly models: Models;
  readonly profiles: Profiles;
}): Loras {
  const { folder, registry, shelf, models, profiles } = parts;

  async function find(
    caller: Principal,
    id: string,
    modelId: string | undefined,
  ): Promise<{ readonly model: ModelDescriptor; readonly receipt: NamedReceipt; readonly lora: ListedLora }> {
    const model = await models.find(modelId);
    const { record, inspect } = await expectLora(shelf, caller, id);
    const receipt = await inspect(model);
    if (receipt === undefined) throw new ServiceError('lora_not_found', `there is no LoRA '${id}'`);
    return { model, receipt: { id, ...receipt }, lora: listed(id, record) };
  }

  async function stateOf(model: ModelDescriptor, lora: NamedReceipt): Promise<ProfileState> {
    const [state] = await profiles.read(model, [lora]);
    return state ?? { status: 'absent', progress: null, profile: null, error: null };
  }

  return {
    async list({ owner }, { after, limit }) {
      const found = (await folder.list()).filter(({ id }) => id > after).map(({ id }) => listed(id, undefined));
      const records = await reaching('Redis', () => registry.list(owner, { after, limit: limit + 1 }));
      const uploaded = records.map((record) => listed(record.id, record));
      // An uploaded LoRA hides one of the folder that has come later under its id.
      const byId = new Map([...found, ...uploaded].map((lora) => [lora.id, lora]));
      const all = [...byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
      const loras = all.slice(0, limit);
      return { loras, next: all.length > limit ? (loras.at(-1)?.id ?? null) : null };
    },
    async inspect(caller, id, modelId) {
      const { model, receipt, lora } = await find(caller, id, modelId);
      await profiles.notice(model, [seen(receipt, lora)]);
      return { ...lora, ...receipt, frequency_profile: describeProfile(await stateOf(model, receipt)) };
    },
    async profile(caller, id, modelId) {
      const { model, receipt } = await find(caller, id, modelId);
      const { profile, status } = await stateOf(model, receipt);
      if (profile !== null) return profile;
      throw new ServiceError('not_found', `the profile of LoRA '${id}' is ${status}`);
    },
    async measure(caller, id, modelId, requested) {
      const { model, receipt, lora } = await find(caller, id, modelId);
      return describeProfile(await profiles.measure(model, seen(receipt, lora), requested));
    },
  };
}

function listed(id: string, record: LoraRecord | undefined): ListedLora {
  return record === undefined ? { id, source: 'folder' } : { ...record, source: 'upload' };
}

function seen({ id, sha256 }: NamedReceipt, lora: ListedLora): SeenLora {
  return { id, sha256, ...(lora.source === 'upload' && { triggers: lora.triggers }) };
}
