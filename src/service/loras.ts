import { ServiceError } from '../contract/errors.ts';
import type { NamedReceipt } from '../contract/generation-result.ts';
import type { Principal } from '../contract/principal.ts';
import type { LoraFolder } from '../files/lora-folder.ts';
import type { Models } from './models.ts';

/** The LoRAs of the folder that gateway and worker both read. */
export interface Loras {
  list(caller: Principal): Promise<readonly { readonly id: string }[]>;
  /**
   * What a LoRA does on a model (without one, the only model served). Throws `not_found`, whatever `Models.find` throws, and an
   * InputError for a file that cannot be applied.
   */
  inspect(caller: Principal, id: string, model: string | undefined): Promise<NamedReceipt>;
}

export function createLoras(folder: LoraFolder, models: Models): Loras {
  return {
    async list(_caller) {
      return (await folder.list()).map(({ id }) => ({ id }));
    },
    async inspect(_caller, id, modelId) {
      const model = await models.find(modelId);
      const receipt = await folder.inspect(id, model.loraTargets);
      if (receipt === undefined) throw new ServiceError('lora_not_found', `there is no LoRA '${id}'`);
      return { id, ...receipt };
    },
  };
}
