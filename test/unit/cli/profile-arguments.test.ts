import { expect, test } from 'vitest';
import { parseProfileCommand } from '../../../src/cli/profile-arguments.ts';
import { InputError } from '../../../src/core/problem.ts';

const folders = { checkpoint: 'models/demo', loras: 'loras' };

function argumentsOf(...argv: readonly string[]) {
  const command = parseProfileCommand(argv, folders);
  if (command.name !== 'profile') throw new Error('that was help');
  return command.arguments;
}

function problemsOf(argv: readonly string[], defaults: Parameters<typeof parseProfileCommand>[1] = folders) {
  try {
    parseProfileCommand(argv, defaults);
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

test('folders are enough: all LoRAs, and everything else by default', () => {
  expect(argumentsOf()).toEqual({
    checkpoint: 'models/demo',
    loras: 'loras',
    ids: [],
    said: new Map(),
    prompts: undefined,
    seedCount: undefined,
    steps: undefined,
    size: undefined,
    out: undefined,
    cache: undefined,
    json: false,
  });
});

test('every flag is taken', () => {
  expect(
    argumentsOf(
      ...['--model', 'm', '--loras', 'l', '--lora', 'cat', '--lora', 'a=b', '--class', 'cat=high'],
      ...['--class', 'a=b=background', '--prompts', 'p.txt', '--seeds', '6', '--steps', '30', '--size', '128x256'],
      ...['--out', 'x/y.svg', '--cache', 'c', '--json'],
    ),
  ).toEqual({
    checkpoint: 'm',
    loras: 'l',
    ids: ['cat', 'a=b'],
    said: new Map<string, unknown>([
      ['cat', { frequencyClass: 'high' }],
      ['a=b', { category: 'background' }],
    ]),
    prompts: 'p.txt',
    seedCount: 6,
    steps: 30,
    size: { width: 128, height: 256 },
    out: 'x/y.svg',
    cache: 'c',
    json: true,
  });
});

test('everything that is wrong is said at once', () => {
  const argv = [
    '--lora',
    'a',
    '--lora',
    'a',
    '--class',
    'b=high',
    '--class',
    'a=blue',
    '--seeds',
    'x',
    '--steps',
    '20',
  ];
  expect(
    problemsOf([...argv, '--steps=1.5', '--size', '64', '--out', 'plot.png'], {
      checkpoint: undefined,
      loras: undefined,
    }),
  ).toEqual([
    '--model is missing, and so is OVERTONE_MODEL',
    '--loras is missing, and so is OVERTONE_LORAS',
    "--lora names 'a' more than once; name each LoRA once",
    "--class is 'a=blue'; must be ID=NAME, where NAME is high, low, character, clothing, style, background, object",
    "--class names 'b', which no --lora does",
    "--seeds is 'x'; must be a whole number",
    "--steps is '1.5'; must be a whole number",
    "--size is '64'; must be width x height in pixels, e.g. 512x768",
    "--out is 'plot.png'; must be the name of an .svg file",
  ]);
});

test.each([['--nonsense'], ['stray']])('%s is refused, and nothing else is guessed', (flag) => {
  expect(problemsOf([flag])).toHaveLength(1);
});

test('help wants nothing else', () => {
  expect(parseProfileCommand(['--help'], { checkpoint: undefined, loras: undefined })).toEqual({ name: 'help' });
});
