import { ServiceError } from '../contract/errors.ts';
import type { NamedReceipt } from '../contract/generation-result.ts';
import type { LoraProfile, ProfileState } from '../contract/lora-profile.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Principal } from '../contract/principal.ts';
import type { LoraFolder } from '../files/lora-folder.ts';
import type { RequestedProfile } from '../pipeline/profile-settings.ts';
import { type DescribedProfile, describeProfile } from './describe-profile.ts';
import type { Models } from './models.ts';
import type { Profiles } from './profiles.ts';

/** The LoRAs of the folder that gateway and worker both read. */
export interface Loras {
  list(caller: Principal): Promise<readonly { readonly id: string }[]>;
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

export interface InspectedLora extends NamedReceipt {
  readonly frequency_profile: DescribedProfile;
}

export function createLoras(parts: {
  readonly folder: LoraFolder;
  readonly models: Models;
  readonly profiles: Profiles;
}): Loras {
  const { folder, models, profiles } = parts;

  async function find(
    id: string,
    modelId: string | undefined,
  ): Promise<{ readonly model: ModelDescriptor; readonly receipt: NamedReceipt }> {
    const model = await models.find(modelId);
    const receipt = await folder.inspect(id, model.loraTargets);
    if (receipt === undefined) throw new ServiceError('lora_not_found', `there is no LoRA '${id}'`);
    return { model, receipt: { id, ...receipt } };
  }

  async function stateOf(model: ModelDescriptor, lora: NamedReceipt): Promise<ProfileState> {
    const [state] = await profiles.read(model, [lora]);
    return state ?? { status: 'absent', progress: null, profile: null, error: null };
  }

  return {
    async list(_caller) {
      return (await folder.list()).map(({ id }) => ({ id }));
    },
    async inspect(_caller, id, modelId) {
      const { model, receipt } = await find(id, modelId);
      await profiles.notice(model, [receipt]);
      return { ...receipt, frequency_profile: describeProfile(await stateOf(model, receipt)) };
    },
    async profile(_caller, id, modelId) {
      const { model, receipt } = await find(id, modelId);
      const { profile, status } = await stateOf(model, receipt);
      if (profile !== null) return profile;
      throw new ServiceError('not_found', `the profile of LoRA '${id}' is ${status}`);
    },
    async measure(_caller, id, modelId, requested) {
      const { model, receipt } = await find(id, modelId);
      return describeProfile(await profiles.measure(model, receipt, requested));
    },
  };
}
