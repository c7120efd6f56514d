import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../core/problem.ts';
import { readJsonObject } from './json-file.ts';

/**
 * A judge of concepts on disk: `model.onnx`, any network from a picture to logits, and `labels.json`, which says what they stand for.
 * The form of the second is in docs/evaluation.md.
 */

export interface ConceptJudgeFiles {
  readonly model: Uint8Array;
  readonly directory: string;
  /** Over both files. */
  readonly sha256: string;
  readonly labels: ConceptLabels;
}

export interface ConceptLabels {
  /** Name of the graph's input: RGB planes [n, 3, sidePx, sidePx] within `range`. */
  readonly input: string;
  readonly sidePx: number;
  readonly range: readonly [low: number, high: number];
  /** In the order of the output `concepts`: a concept is there where the sigmoid of its logit reaches the threshold. */
  readonly concepts: readonly { readonly name: string; readonly threshold: number }[];
  readonly slots: readonly { readonly name: string; readonly output: string; readonly values: readonly string[] }[];
}

const MODEL = 'model.onnx';
const LABELS = 'labels.json';

/** Throws an InputError (`malformed_file`) with everything that is wrong with the labels. */
export async function readConceptJudge(folder: string): Promise<ConceptJudgeFiles> {
  const directory = resolve(folder);
  const labels = parseLabels(await readJsonObject(directory, LABELS));
  const model = await readFile(join(directory, MODEL));
  const hash = createHash('sha256');
  for (const bytes of [await readFile(join(directory, LABELS)), model]) {
    hash.update(createHash('sha256').update(bytes).digest());
  }
  return { model, directory, sha256: hash.digest('hex'), labels };
}

function parseLabels(json: Readonly<Record<string, unknown>>): ConceptLabels {
  const faults: string[] = [];
  const expect = <T>(isGood: boolean, value: unknown, place: string, allowed: string): T => {
    if (!isGood) faults.push(`${place} is ${JSON.stringify(value)?.slice(0, 80) ?? 'missing'}; must be ${allowed}`);
    return value as T;
  };
  const input = objectOf(json.input);
  const layout = Array.isArray(input.layout) ? input.layout : [];
  const [, channels, height, width] = layout;
  const isLayout = channels === 3 && Number.isInteger(height) && height > 0 && height === width;
  expect(isLayout, input.layout, 'input.layout', '["n", 3, side, side]');
  const range: readonly unknown[] = Array.isArray(input.range) ? input.range : [];
  const [low, high] = range;
  const isRange = range.length === 2 && isNumber(low) && isNumber(high) && low < high;
  const concepts = listOf(json.concepts).map((each, index) => ({
    name: expect<string>(isText(each.name), each.name, `concepts[${index}].name`, 'a name'),
    threshold: expect<number>(
      isNumber(each.threshold) && each.threshold >= 0 && each.threshold <= 1,
      each.threshold,
      `concepts[${index}].threshold`,
      'a number from 0 to 1',
    ),
  }));
  expect(concepts.length > 0, json.concepts, 'concepts', 'a list of at least one concept');
  const slots = Object.entries(objectOf(json.slots)).map(([name, slot]) => {
    const { output, values } = objectOf(slot);
    return {
      name,
      output: expect<string>(isText(output), output, `slots.${name}.output`, 'the name of an output of the model'),
      values: expect<readonly string[]>(
        Array.isArray(values) && values.length > 1 && values.every(isText),
        values,
        `slots.${name}.values`,
        'a list of at least two names',
      ),
    };
  });
  const labels: ConceptLabels = {
    input: expect<string>(isText(input.name), input.name, 'input.name', 'the name of the input of the model'),
    sidePx: height,
    range: expect(isRange, input.range, 'input.range', 'two numbers, the values of black and of white'),
    concepts,
    slots,
  };
  if (faults.length > 0) {
    throw new InputError(
      faults.map((fault) => ({ code: 'malformed_file', subject: LABELS, message: `${LABELS}: ${fault}` })),
    );
  }
  return labels;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
