import { assert } from '../core/assert.ts';
import { guide } from '../core/guidance/classifier-free.ts';
import type { AdapterUse } from '../core/lora/adapter.ts';
import { InputError } from '../core/problem.ts';
import { ddim } from '../core/samplers/ddim.ts';
import type { SamplerCall } from '../core/samplers/sampler.ts';
import type { SchedulerConfig } from '../core/schedule/scheduler-config.ts';
import type { Tensor } from '../core/tensor/tensor.ts';
import type { EnginePorts } from './ports.ts';

/**
 * The base model, or one LoRA on it, that draws one prompt: the plain trajectory, laid open. Made for measuring LoRAs
 * (`profile-adapter.ts`), where every noisy latent is of interest; pictures for people come from `generate.ts`.
 */

export interface Painter {
  /** The guided model output for a noisy latent. */
  look(call: SamplerCall): Promise<Tensor>;
  /** Draws from standard normal noise: yields each evaluation when it is done, and returns the finished latent. */
  draw(noise: Tensor): AsyncGenerator<Look, Tensor, void>;
}

/** One evaluation: what the model was shown, and its guided output. */
export interface Look {
  readonly call: SamplerCall;
  readonly output: Tensor;
}

export interface Studio {
  readonly ports: Pick<EnginePorts, 'tokenize' | 'encodeText' | 'predict'>;
  readonly scheduler: SchedulerConfig;
  readonly steps: number;
  readonly guidanceScale: number;
  readonly signal: AbortSignal;
}

/**
 * The adapters act on the text encoder as on the U-Net. Always ddim: its latents are in the model's own frame, and it adds no noise
 * on the way. Throws an InputError for a prompt that the text encoder has no room for.
 */
export async function createPainter(
  { ports, scheduler, steps, guidanceScale, signal }: Studio,
  prompt: string,
  adapters: readonly AdapterUse[],
): Promise<Painter> {
  // As in a generation: at a scale of 1 or less guidance has no effect that people mean.
  const isGuided = guidanceScale > 1;
  const rows = (isGuided ? ['', prompt] : [prompt]).map((text) => ({ ids: tokensOf(text, ports), adapters }));
  const texts = await ports.encodeText(rows, signal);

  async function look({ input: latent, evaluation: { timestep } }: SamplerCall): Promise<Tensor> {
    signal.throwIfAborted();
    const outputs = await ports.predict(
      texts.map((text) => ({ latent, timestep, text, adapters })),
      signal,
    );
    const [first, second] = outputs;
    assert(first !== undefined && isGuided === (second !== undefined), 'one prediction for each text');
    const predictions = second === undefined ? { uncond: null, cond: first } : { uncond: first, cond: second };
    return guide(predictions, { scale: guidanceScale, rescale: 0 });
  }

  return {
    look,
    async *draw(noise) {
      const trajectory = ddim.sample(ddim.start(noise, scheduler, steps), scheduler, steps, drawNothing);
      let next = trajectory.next();
      while (!next.done) {
        const call = next.value;
        const output = await look(call);
        yield { call, output };
        next = trajectory.next(output);
      }
      return next.value;
    },
  };
}

function drawNothing(): never {
  throw new Error('ddim adds no noise');
}

function tokensOf(text: string, ports: Studio['ports']): readonly number[] {
  const { ids, truncated } = ports.tokenize(text);
  if (!truncated) return ids;
  const message = `prompt "${text}" is longer than the ${ids.length - 2} tokens that the text encoder has room for`;
  throw new InputError([{ code: 'invalid_request', subject: 'prompts', message }]);
}
