import { LIMITS } from '../contract/limits.ts';
import type { MethodName } from '../core/composition/options.ts';
import { contactSheet } from '../files/contact-sheet.ts';
import { get, submit } from './demo-http.ts';
import type { SampleRequest } from './sample-request.ts';

/** The demo's second picture: its request again, at the same seed, by the best known methods, so that one sees what the choice does. */

export interface MethodSheet {
  readonly png: Uint8Array;
  /** What the sheet shows, from left to right, row by row. */
  readonly names: readonly string[];
}

/** Of the rivals, those that most programs have; `overtone evaluate` compares all. */
const SHOWN: readonly MethodName[] = ['merge', 'switch', 'composite', 'cmlora'];

const COLUMNS = 3;

/** All are asked for at once: their rows share calls of the model. The request's own options stay with its own method. */
export async function methodSheet(httpUrl: string, request: SampleRequest): Promise<MethodSheet> {
  const own = request.composition;
  const variants: readonly (readonly [name: string, change: object])[] = [
    ['no LoRA', { loras: [], composition: { method: 'merge' } }],
    ...SHOWN.map((method) => [method, { composition: method === own.method ? own : { method } }] as const),
    ['cmlora fast', { composition: { ...(own.method === 'cmlora' && own), method: 'cmlora', preset: 'fast' } }],
  ];
  const pictures = await Promise.all(
    variants.map(async ([name, change]) => {
      const { id, status } = (await submit(httpUrl, { ...request, ...change }, LIMITS.waitSMax)) as Answer;
      if (status !== 'completed') throw new Error(`the picture by ${name} is ${status}`);
      return get(`${httpUrl}/v1/generations/${id}/images/0`);
    }),
  );
  return { png: await contactSheet(pictures, COLUMNS), names: variants.map(([name]) => name) };
}

interface Answer {
  readonly id: string;
  readonly status: string;
}
