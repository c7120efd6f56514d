import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../src/cli/arguments.ts';
import { InputError } from '../../../src/core/problem.ts';

const nothing = {
  checkpoint: undefined,
  loras: undefined,
  readText: (path: string): string => {
    throw new Error(`no such file: ${path}`);
  },
};

function argumentsOf(...argv: readonly string[]) {
  const command = parseCommand(['generate', '--model', 'models/demo', '--prompt', 'a fox', ...argv], nothing);
  if (command.name !== 'generate') throw new Error('that was help');
  return command.arguments;
}

function problemsOf(argv: readonly string[]): readonly string[] {
  try {
    parseCommand(argv, nothing);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test('a prompt is enough: everything else is left to the checkpoint', () => {
  expect(argumentsOf()).toEqual({
    checkpoint: 'models/demo',
    loras: undefined,
    loraFiles: new Map(),
    request: { prompt: 'a fox' },
    out: 'overtone.png',
    json: false,
  });
});

test('every flag reaches the request', () => {
  const { request, out, json } = argumentsOf(
    ...['--negative', 'a blur', '--method', 'cmlora', '--composition', '{"cut":"outer"}', '--seed', '0'],
    ...['--steps', '20', '--size', '512x768', '--sampler', 'euler', '--guidance', '0', '--guidance-rescale', '0.7'],
    ...['--out', 'x/y.png', '--json'],
  );

  expect(request).toEqual({
    prompt: 'a fox',
    negative_prompt: 'a blur',
    composition: { method: 'cmlora', cut: 'outer' },
    seed: 0,
    steps: 20,
    width: 512,
    height: 768,
    sampler: 'euler',
    guidance_scale: 0,
    guidance_rescale: 0.7,
  });
  expect([out, json]).toEqual(['x/y.png', true]);
});

test('the environment names checkpoint and folder of LoRAs, and flags win over it', () => {
  const defaults = { ...nothing, checkpoint: 'from-env', loras: 'loras-from-env' };

  expect(parseCommand(['generate', '--prompt', 'p'], defaults)).toMatchObject({
    arguments: { checkpoint: 'from-env', loras: 'loras-from-env' },
  });
  expect(parseCommand(['generate', '--prompt', 'p', '--model', 'm', '--loras', 'l'], defaults)).toMatchObject({
    arguments: { checkpoint: 'm', loras: 'l' },
  });
});

describe('a LoRA', () => {
  test.each([
    ['style', 'style', 1],
    ['style:0.8', 'style', 0.8],
    ['style:-1', 'style', -1],
    ['style:0', 'style', 0],
    ['style:v2', 'style:v2', 1],
    ['a:b:0.5', 'a:b', 0.5],
  ])('%s is an id at a weight', (text, id, weight) => {
    const { request, loraFiles } = argumentsOf('--lora', text);

    expect(request.loras).toEqual([{ id, weight }]);
    expect(loraFiles.size).toBe(0);
  });

  test('given as a file goes by its stem, so that no path is in a recipe', () => {
    const { request, loraFiles } = argumentsOf('--lora', 'some/dir/style.safetensors:0.5', '--lora', 'other');

    expect(request.loras).toEqual([
      { id: 'style', weight: 0.5 },
      { id: 'other', weight: 1 },
    ]);
    expect(loraFiles).toEqual(new Map([['style', 'some/dir/style.safetensors']]));
  });
});

test('no arguments, and --help anywhere, ask for help', () => {
  expect(parseCommand([], nothing)).toEqual({ name: 'help' });
  expect(parseCommand(['generate', '--help', '--steps', 'x'], nothing)).toEqual({ name: 'help' });
});

describe('bad input', () => {
  test('is reported with all its problems at once, flags and request together', () => {
    expect(
      problemsOf([
        ...['generate', '--seed', 'x', '--size', '10', '--steps', '0', '--sampler', 'magic'],
        ...['--composition', '{', '--lora', 'a.safetensors', '--lora', 'b/a.safetensors'],
      ]),
    ).toEqual([
      '--model is missing, and so is OVERTONE_MODEL',
      '--lora b/a.safetensors and a.safetensors have one name; must be files of two names',
      "--size is '10'; must be width x height in pixels, e.g. 512x768",
      "--seed is 'x'; must be a number",
      expect.stringContaining('--composition is not JSON'),
      expect.stringContaining('steps is 0; must be'),
      expect.stringContaining('sampler is "magic"; must be'),
      expect.stringContaining('prompt is missing'),
    ]);
  });

  test.each([
    [['paint'], "command is 'paint'; must be generate"],
    [
      ['generate', '--model', 'm', '--prompt', 'p', '--composition', '[]'],
      '--composition is []; must be a JSON object',
    ],
    [['generate', '--colour', 'red'], "Unknown option '--colour'"],
  ])('%j', (argv, message) => {
    expect(problemsOf(argv)).toContainEqual(expect.stringContaining(message));
  });
});

describe('--request', () => {
  const withFile = (text: string, ...argv: readonly string[]) =>
    parseCommand(['plan', '--model', 'm', '--request', 'r.json', ...argv], { ...nothing, readText: () => text });

  test('is a request as over HTTP, and flags go over it', () => {
    const text = '{"prompt": "a fox", "n": 2, "steps": 9, "loras": [{"id": "a"}]}';
    expect(withFile(text, '--steps', '7')).toMatchObject({
      name: 'plan',
      arguments: { request: { prompt: 'a fox', n: 2, steps: 7, loras: [{ id: 'a' }] } },
    });
  });

  test('that is no object is refused as over HTTP', () => {
    expect(() => withFile('[1]')).toThrow('request is [1]; must be an object');
  });

  test('that is no JSON, or no file, is refused', () => {
    expect(() => withFile('{')).toThrow(expect.objectContaining({ code: 'malformed_json' }));
    expect(problemsOf(['plan', '--model', 'm', '--request', 'nowhere'])).toContain(
      "--request is 'nowhere'; must be a file that can be read",
    );
  });

  test('for several pictures is for a plan, not for one file', () => {
    const several = { ...nothing, readText: () => '{"prompt": "a fox", "n": 2}' };
    expect(() => parseCommand(['generate', '--model', 'm', '--request', 'r.json'], several)).toThrow(
      'n is 2; must be 1',
    );
  });
});
