import { expect, test } from 'vitest';
import type { ResolvedRequest } from '../../../src/contract/resolved-request.ts';
import type { Composition } from '../../../src/core/composition/options.ts';
import type { TextRow } from '../../../src/pipeline/ports.ts';
import { assumeWeights, weighByPrompt } from '../../../src/pipeline/prompt-weights.ts';
import { ACCEPTED_JOB } from '../../support/accepted-job.ts';

const TRIGGERS = [
  { id: 'fox', phrases: ['fox'] },
  { id: 'ink', phrases: [] },
  { id: 'sea', phrases: ['the sea'] },
];

function requestWith(composition: Composition, ids = TRIGGERS.map(({ id }) => id)): ResolvedRequest {
  const loras = ids.map((id) => ({
    id,
    sha256: id,
    weight: { unet: 1, text_encoder: 1 },
    frequency_class: 'high' as const,
    frequency_class_assumed: false,
  }));
  return { ...ACCEPTED_JOB.request, prompt: 'a fox, the sea', loras, composition };
}

const W_COMPOSITE = { method: 'w-composite', triggers: TRIGGERS, weights: null, text_encoder: 'own' } as const;

/** A text encoder whose vectors hold how often a text names the fox and the sea, twice, as if it had two positions. */
function encoder() {
  const rows: TextRow[] = [];
  const texts: string[] = [];
  return {
    rows,
    texts,
    ports: {
      tokenize(text: string) {
        texts.push(text);
        return { ids: [texts.length - 1], truncated: false };
      },
      async encodeText(asked: readonly TextRow[]) {
        rows.push(...asked);
        return asked.map(({ ids }) => {
          const text = texts[ids[0] ?? 0] ?? '';
          const [fox, sea] = [Number(text.includes('fox')), Number(text.includes('sea'))];
          return { dims: [1, 2, 2], data: Float32Array.of(fox, sea, fox, sea) };
        });
      },
    },
  };
}

const signal = new AbortController().signal;

test('the weights come from the plain text encoder, each text encoded once', async () => {
  const { rows, texts, ports } = encoder();
  const { composition } = await weighByPrompt(requestWith(W_COMPOSITE), ports, signal);
  expect(texts).toEqual(['a fox, the sea', 'fox', 'the sea']);
  expect(rows.every(({ adapters }) => adapters.length === 0)).toBe(true);
  expect(composition).toMatchObject({
    weights: [
      { id: 'fox', weight: expect.closeTo(0.5, 6) },
      { id: 'ink', weight: 0 },
      { id: 'sea', weight: expect.closeTo(0.5, 6) },
    ],
  });
});

test('w-switch encodes what is left without the phrases of each', async () => {
  const { texts, ports } = encoder();
  const closing = { id: 'fox', evaluations: 1 };
  const request = requestWith({ ...W_COMPOSITE, method: 'w-switch', tau: 2, closing });
  const { composition } = await weighByPrompt(request, ports, signal);
  expect(texts).toEqual(['a fox, the sea', 'a, the sea', 'a fox']);
  // The fox and the sea change the prompt alike; what has no phrase has a fixed 0.1.
  const change = 1 - Math.SQRT1_2;
  const weights = 'weights' in composition && Array.isArray(composition.weights) ? composition.weights : [];
  expect(weights[0]?.weight / weights[1]?.weight).toBeCloseTo(change / 0.1, 5);
});

test('a request that brings its weights, and every other method, is left as it is and encodes nothing', async () => {
  const given = requestWith({ ...W_COMPOSITE, weights: TRIGGERS.map(({ id }) => ({ id, weight: 1 })) });
  const merge = requestWith({ method: 'merge', scale: 1, text_encoder: 'all' });
  const none = requestWith({ ...W_COMPOSITE, triggers: [] }, []);
  const { texts, ports } = encoder();
  for (const request of [given, merge, none]) {
    expect(await weighByPrompt(request, ports, signal)).toBe(request);
    expect(assumeWeights(request)).toEqual({ request, warnings: [] });
  }
  expect(texts).toEqual([]);
});

test('a plan takes open weights to be equal, and says so', () => {
  const { request, warnings } = assumeWeights(requestWith(W_COMPOSITE));
  expect(request.composition).toMatchObject({ weights: TRIGGERS.map(({ id }) => ({ id, weight: 1 / 3 })) });
  expect(warnings).toEqual([expect.stringContaining('the weights of w-composite come from the text encoder')]);
});
