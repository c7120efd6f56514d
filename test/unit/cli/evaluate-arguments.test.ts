import { expect, test } from 'vitest';
import { parseEvaluateCommand } from '../../../src/cli/evaluate-arguments.ts';

test('a testbed alone runs all of its first group, into a folder of its name', () => {
  expect(parseEvaluateCommand(['demo/testbed.json'])).toEqual({
    name: 'evaluate',
    arguments: {
      testbed: 'demo/testbed.json',
      out: 'out/evaluation/demo',
      checkpoint: undefined,
      loras: undefined,
      selection: {
        group: undefined,
        methods: undefined,
        part: undefined,
        sizes: undefined,
        setsPerSize: undefined,
        seeds: undefined,
      },
      json: false,
    },
  });
});

test('every flag narrows what is run', () => {
  const flags = [
    '--group',
    'ablation',
    '--methods',
    'merge,switch',
    '--part',
    'all',
    '--sizes',
    '2,3',
    '--sets',
    '4',
    '--seeds',
    '1',
  ];
  const command = parseEvaluateCommand(['testbeds/anime.json', ...flags, '--out', 'here', '--json']);
  expect(command).toMatchObject({
    arguments: {
      out: 'here',
      json: true,
      selection: {
        group: 'ablation',
        methods: ['merge', 'switch'],
        part: 'all',
        sizes: [2, 3],
        setsPerSize: 4,
        seeds: 1,
      },
    },
  });
});

test('everything that is wrong is said at once', () => {
  expect(() => parseEvaluateCommand(['--part', 'most', '--sizes', '2,x', '--sets', '0', '--seeds', '65'])).toThrow(
    /testbed is ''.*--part is 'most'; must be tuning, held_out, all.*--sizes is '2,x'.*--sets is '0'.*--seeds is 65; must be at most 64/,
  );
});

test('asks for help by itself', () => {
  expect(parseEvaluateCommand(['--help'])).toEqual({ name: 'help' });
});
