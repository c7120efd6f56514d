import { expect, test } from 'vitest';
import { parseTuneCommand } from '../../../src/cli/tune-arguments.ts';
import { InputError } from '../../../src/core/problem.ts';

const NOTHING = { checkpoint: undefined, loras: undefined };

function messagesFor(...argv: readonly string[]): readonly string[] {
  try {
    parseTuneCommand(argv, NOTHING);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map(({ message }) => message);
  }
}

test('a testbed is tuned on its tuning sets, with the defaults of LoraHub', () => {
  const command = parseTuneCommand(['lorahub', 'demo.json'], { checkpoint: 'env', loras: 'env' });
  expect(command).toEqual({
    name: 'tune',
    arguments: {
      method: 'lorahub',
      on: {
        testbed: 'demo.json',
        selection: {
          group: undefined,
          methods: [],
          part: 'tuning',
          sizes: undefined,
          setsPerSize: undefined,
          seeds: undefined,
        },
      },
      // The testbed names its own.
      checkpoint: undefined,
      loras: undefined,
      pictures: 2,
      tries: 40,
      seed: 2_000_000_000,
      steps: undefined,
      out: undefined,
      json: false,
    },
  });
});

test('a request is tuned on the model of the environment', () => {
  const argv = ['merge', '--request', 'r.json', '--judge', 'clip', '--pictures', '3', '--seed', '0', '--steps', '5'];
  const command = parseTuneCommand(argv, { checkpoint: 'model', loras: 'loras' });
  expect(command).toMatchObject({
    arguments: {
      method: 'merge',
      on: { request: 'r.json', judge: 'clip', caption: undefined },
      checkpoint: 'model',
      loras: 'loras',
      pictures: 3,
      seed: 0,
      steps: 5,
    },
  });
});

test('everything that is wrong is said at once', () => {
  expect(
    messagesFor('grid', 'a.json', 'b.json', '--part', 'half', '--sizes', '2,x', '--tries', '0', '--pictures', '99'),
  ).toEqual([
    "method is 'grid'; must be lorahub or merge",
    "testbed is 'a.json b.json'; must be one file",
    "--part is 'half'; must be tuning, held_out, all",
    "--sizes is '2,x'; must be whole numbers from 1, e.g. 2,3",
    "--pictures is '99'; must be a whole number from 1 to 8",
    "--tries is '0'; must be a whole number from 1 to 10000",
  ]);
  expect(messagesFor('lorahub', '--request', 'r.json')).toEqual([
    '--model is missing; must be given with --request',
    '--loras is missing; must be given with --request',
    '--judge is missing; must be given with --request',
  ]);
  expect(messagesFor('lorahub')).toEqual(['tune needs a testbed or --request, and not both']);
  expect(messagesFor('lorahub', 'a.json', '--budget', '4')[0]).toMatch(/--budget/);
});
