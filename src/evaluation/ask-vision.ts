import { setTimeout } from 'node:timers/promises';
import { ServiceError } from '../contract/errors.ts';

/**
 * Asks a model that sees pictures which of two shows a set of elements better, over an OpenAI-compatible endpoint. One question, one
 * answer; who is asked about what is `vision-duels.ts`. Everything has a bound: the time of an answer, its length, the tries.
 *
 * The four criteria are those of CMLoRA's own comparison.
 */

export const CRITERIA = ['integration', 'consistency', 'accuracy', 'quality'] as const;
export type Criterion = (typeof CRITERIA)[number];

/** 0 to 10 for each criterion. */
export type Marks = Readonly<Record<Criterion, number>>;

export interface VisionEndpoint {
  /** The start of the API: `/chat/completions` is put behind it. */
  readonly url: string;
  readonly key: string | undefined;
  readonly model: string;
}

export interface VisionQuestion {
  readonly elements: readonly { readonly category: string; readonly features: string }[];
  /** PNG files. */
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

export interface VisionAnswer {
  readonly first: Marks;
  readonly second: Marks;
}

/** In milliseconds. */
export interface VisionBounds {
  readonly timeoutMs: number;
  /** Before the second try; twice as long before the third. */
  readonly pauseMs: number;
}

export const VISION_BOUNDS: VisionBounds = { timeoutMs: 120_000, pauseMs: 2000 };
const TRIES = 3;
const ANSWER_CHARACTERS = 64 * 1024;
const ANSWER_TOKENS = 1024;

/** Throws `unavailable`, with what the endpoint said, where it refuses or gives no marks in three tries. */
export async function askVision(
  endpoint: VisionEndpoint,
  question: VisionQuestion,
  signal: AbortSignal,
  bounds = VISION_BOUNDS,
): Promise<VisionAnswer> {
  let complaint = '';
  for (let tried = 0; tried < TRIES; tried++) {
    if (tried > 0) await setTimeout(bounds.pauseMs * 2 ** (tried - 1), undefined, { signal });
    signal.throwIfAborted();
    const result = await askOnce(endpoint, question, AbortSignal.any([signal, AbortSignal.timeout(bounds.timeoutMs)]));
    if ('answer' in result) return result.answer;
    signal.throwIfAborted();
    complaint = result.complaint;
    if (result.isFinal) break;
  }
  throw new ServiceError('unavailable', `the vision judge at ${new URL(endpoint.url).host} ${complaint}`);
}

type Outcome =
  | { readonly answer: VisionAnswer }
  /** `isFinal`: asking again would not help. */
  | { readonly complaint: string; readonly isFinal: boolean };

async function askOnce(endpoint: VisionEndpoint, question: VisionQuestion, signal: AbortSignal): Promise<Outcome> {
  try {
    const response = await fetch(`${endpoint.url.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(endpoint.key !== undefined && { authorization: `Bearer ${endpoint.key}` }),
      },
      body: JSON.stringify(bodyOf(endpoint.model, question)),
      signal,
    });
    const text = await readBounded(response);
    if (response.ok) return readAnswer(text);
    const isFinal = response.status < 500 && response.status !== 429 && response.status !== 408;
    const hint = response.status === 401 || response.status === 403 ? '; is OVERTONE_VISION_KEY right?' : '';
    return { complaint: `answers ${response.status}${hint}: ${text.slice(0, 200)}`, isFinal };
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    const reason =
      error instanceof Error ? ((error.cause as Error | undefined)?.message ?? error.message) : String(error);
    return { complaint: isLate ? 'does not answer in time' : `cannot be asked: ${reason}`, isFinal: false };
  }
}

function bodyOf(model: string, { elements, first, second }: VisionQuestion) {
  const picture = (png: Uint8Array) => ({
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${Buffer.from(png).toString('base64')}` },
  });
  return {
    model,
    temperature: 0,
    max_tokens: ANSWER_TOKENS,
    messages: [{ role: 'user', content: [{ type: 'text', text: wordsOf(elements) }, picture(first), picture(second)] }],
  };
}

function wordsOf(elements: VisionQuestion['elements']): string {
  return [
    'Two pictures were made to show all of these elements together:',
    ...elements.map(({ category, features }, index) => `${index + 1}. ${category}: ${features}`),
    'Mark each picture from 0 to 10 in steps of 0.5 for',
    '- integration: all elements are there and belong to one picture;',
    '- consistency: they are placed and sized so that the scene makes sense;',
    '- accuracy: each has the features listed for it, and none of another;',
    '- quality: it is well made and pleasant to look at.',
    'Be critical, and judge each picture by itself: which one comes first means nothing.',
    'Answer with this JSON and nothing else:',
    '{"picture_1": {"integration": 0, "consistency": 0, "accuracy": 0, "quality": 0}, "picture_2": {...}}',
  ].join('\n');
}

async function readBounded(response: Response): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > ANSWER_CHARACTERS) throw new Error(`the answer is longer than ${ANSWER_CHARACTERS} characters`);
  }
  return text;
}

/** Models like to put words or a fence around their JSON. */
function readAnswer(text: string): Outcome {
  const said = contentOf(text);
  const json = /\{[\s\S]*\}/.exec(said)?.[0];
  try {
    const { picture_1: first, picture_2: second } = JSON.parse(json ?? '');
    if (isMarks(first) && isMarks(second)) return { answer: { first: marksOf(first), second: marksOf(second) } };
  } catch {
    // Falls through to the complaint, which repeats what was said.
  }
  return { complaint: `gives no marks that can be read: ${said.slice(0, 200)}`, isFinal: false };
}

function contentOf(text: string): string {
  try {
    const content: unknown = JSON.parse(text)?.choices?.[0]?.message?.content;
    return typeof content === 'string' ? content : text;
  } catch {
    return text;
  }
}

function isMarks(value: unknown): value is Marks {
  if (typeof value !== 'object' || value === null) return false;
  const marks = value as Readonly<Record<string, unknown>>;
  return CRITERIA.every((name) => {
    const mark = marks[name];
    return typeof mark === 'number' && mark >= 0 && mark <= 10;
  });
}

function marksOf({ integration, consistency, accuracy, quality }: Marks): Marks {
  return { integration, consistency, accuracy, quality };
}
