import { ServiceError } from '../contract/errors.ts';
import { assert } from '../core/assert.ts';
import { planesFromRgb } from '../core/image/planes-from-rgb.ts';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { messageOf } from '../core/message-of.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import type { ConceptJudgeFiles } from '../files/concept-judge-folder.ts';
import { type Device, Session } from './session.ts';

/** A network that says which concepts are in a picture, and which value each slot of it has. One picture a call; see `clip-judge.ts`. */
export interface ConceptJudge {
  readonly sha256: string;
  /** Pictures must be this many pixels wide and high. */
  readonly sidePx: number;
  /** Probabilities, 0 to 1, in the order of the labels, and for each slot the index of its likeliest value. */
  look(picture: RgbImage): Promise<{ readonly concepts: readonly number[]; readonly slots: readonly number[] }>;
  close(): Promise<void>;
}

const CONCEPTS = 'concepts';

/** Throws `unavailable` for a model that ONNX Runtime does not load, or that has not the inputs that the labels name. */
export async function openConceptJudge(
  { model, directory, sha256, labels }: ConceptJudgeFiles,
  options: { readonly device: Device; readonly threads: number },
): Promise<ConceptJudge> {
  const session = await Session.open({ bytes: model, directory, keepsMemory: true, ...options }).catch((cause) => {
    throw new ServiceError('unavailable', `the judge of concepts cannot be loaded: ${messageOf(cause)}`, { cause });
  });
  const [low, high] = labels.range;
  // (value / 255) (high - low) + low
  const scale = {
    mean: [0, 1, 2].map(() => -low / (high - low)),
    deviation: [0, 1, 2].map(() => 1 / (high - low)),
  };
  const outputs = [CONCEPTS, ...labels.slots.map(({ output }) => output)];

  return {
    sha256,
    sidePx: labels.sidePx,

    async look(picture) {
      const feeds = new Map([[labels.input, planesFromRgb(picture, scale)]]);
      const results = await session.run(feeds, outputs);
      const logits = (name: string, count: number): Tensor['data'] => {
        const data = results.get(name)?.data;
        assert(data?.length === count, `output ${name} of the judge has ${data?.length} values, its labels ${count}`);
        return data;
      };
      return {
        concepts: Array.from(logits(CONCEPTS, labels.concepts.length), (logit) => 1 / (1 + Math.exp(-logit))),
        slots: labels.slots.map(({ output, values }) => indexOfLargest(logits(output, values.length))),
      };
    },

    close: () => session.close(),
  };
}

function indexOfLargest(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
