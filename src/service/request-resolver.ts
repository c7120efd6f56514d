import { randomInt } from 'node:crypto';
import type { GenerationRequest } from '../contract/generation-request.ts';
import type { ModelDescriptor } from '../contract/model-descriptor.ts';
import type { Principal } from '../contract/principal.ts';
import { replayRequest } from '../contract/replay-request.ts';
import type { ResolvedRequest } from '../contract/resolved-request.ts';
import { InputError, type Problem } from '../core/problem.ts';
import { recipeProblems } from '../files/recipe.ts';
import { type LoraCatalog, type ResolvedGeneration, resolveRequest } from '../pipeline/resolve-request.ts';
import type { LoraName, LoraShelf, ShelvedLora } from './lora-shelf.ts';
import type { Models } from './models.ts';
import type { Profiles } from './profiles.ts';

/** A caller's request with nothing left implicit: its LoRAs found on the caller's shelf, its model among those served. */
export interface RequestResolver {
  /** `isNoticed`: LoRAs that nobody has seen before are to be measured. What is known of them by now is what is resolved with. */
  resolve(
    caller: Principal,
    asked: GenerationRequest,
    options: { readonly isNoticed: boolean },
  ): Promise<ResolvedForModel>;
  /** The same request again, to the last bit, whatever has changed since. Throws an InputError where that cannot be had any longer. */
  replay(caller: Principal, request: ResolvedRequest): Promise<ResolvedForModel>;
}

export interface ResolvedForModel extends ResolvedGeneration {
  readonly model: ModelDescriptor;
  /** By sha256: those of its LoRAs that were uploaded. */
  readonly storedLoras: readonly string[];
}

export function createRequestResolver(parts: {
  readonly models: Models;
  readonly shelf: LoraShelf;
  readonly profiles: Profiles;
}): RequestResolver {
  const { models, shelf, profiles } = parts;

  async function resolveOn(
    model: ModelDescriptor,
    asked: GenerationRequest,
    options: {
      readonly find: (name: LoraName) => Promise<ShelvedLora | undefined>;
      readonly isNoticed: boolean;
    },
  ): Promise<ResolvedForModel> {
    /** What was found, by its bytes. */
    const found = new Map<string, ShelvedLora>();
    const recordOf = (sha256: string) => found.get(sha256)?.record;
    const catalog: LoraCatalog = {
      async inspect(text, by) {
        const lora = await options.find({ [by]: text } as LoraName);
        const receipt = await lora?.inspect(model);
        if (lora !== undefined && receipt !== undefined) found.set(receipt.sha256, lora);
        return receipt;
      },
      triggersOf: (sha256) => recordOf(sha256)?.triggers ?? [],
      async frequencies(loras) {
        const seen = loras.map((lora) => ({ ...lora, triggers: recordOf(lora.sha256)?.triggers ?? [] }));
        const states = await (options.isNoticed ? profiles.recognise(model, seen) : profiles.known(model, seen));
        return states.map((state, index) => {
          const category = recordOf(loras[index]?.sha256 ?? '')?.category;
          return { ...state, ...(category != null && { category }) };
        });
      },
    };
    const resolved = await resolveRequest(asked, model, catalog, randomSeed);
    const problems = recipeProblems(resolved.request);
    if (problems.length > 0) throw new InputError(problems);
    const storedLoras = [...found].flatMap(([sha256, { record }]) => (record === undefined ? [] : [sha256]));
    return { ...resolved, model, storedLoras };
  }

  return {
    async resolve(caller, asked, { isNoticed }) {
      const model = await models.find(asked.model);
      return await resolveOn(model, asked, { find: (name) => shelf.find(caller, name), isNoticed });
    },

    async replay(caller, request) {
      const model = await models.find(request.model);
      if (model.sha256 !== request.model_sha256) throw new InputError([changedModel(model, request)]);
      const sha256Of = new Map(request.loras.map(({ id, sha256 }) => [id, sha256]));
      // By its bytes and not by its name, under which there may be others by now.
      const find = async (name: LoraName) => {
        const sha256 = 'id' in name ? sha256Of.get(name.id) : undefined;
        return sha256 === undefined ? undefined : await shelf.find(caller, { sha256 });
      };
      const resolved = await resolveOn(model, replayRequest(request), { find, isNoticed: false });
      // Everything was said, so this differs at most in who said it.
      return { ...resolved, request };
    },
  };
}

function changedModel({ id, sha256 }: ModelDescriptor, request: ResolvedRequest): Problem {
  const message = `model is "${id}", which has sha256 ${sha256} now and had ${request.model_sha256} then; the picture would be another`;
  return { code: 'invalid_request', subject: 'model', message };
}

/** 32 bits are enough for variety, and a seed that a person can copy. */
function randomSeed(): number {
  return randomInt(2 ** 32);
}
