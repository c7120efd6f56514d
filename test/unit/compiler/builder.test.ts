import { describe, expect, test } from 'vitest';
import { type BuilderOptions, createBuilder } from '../../../src/compiler/builder.ts';
import { InputError } from '../../../src/core/problem.ts';
import type { SafetensorsEntry } from '../../../src/core/safetensors/header.ts';

function weights(...tensors: readonly (readonly [name: string, dtype: string, dims: readonly number[]])[]) {
  const entries = tensors.map(([name, dtype, dims]): [string, SafetensorsEntry] => [
    name,
    { name, dtype, dims, start: 100, end: 200 },
  ]);
  return { subject: 'unet/weights.safetensors', file: 'blobs/abc', entries: new Map(entries) };
}

function builder(options: Partial<BuilderOptions> = {}) {
  return createBuilder({ name: 'test', weights: weights(), lora: null, ...options });
}

function refusal(build: () => unknown): readonly string[] {
  try {
    build();
  } catch (error) {
    if (error instanceof InputError) return error.problems.map((problem) => problem.message);
  }
  throw new Error('nothing was refused');
}

test('nodes carry the path of the module that they belong to, and no two have one name', () => {
  const root = builder();
  const x = root.input({ name: 'x', type: 'float32', dims: [1] });
  const block = root.at('down_blocks.0').at('conv1');
  root.output({ name: 'y', type: 'float32', dims: [1] }, block.node('Add', [block.node('Add', [x, x], {}), x], {}));
  expect(root.build().nodes.map(({ name, inputs }) => [name, ...inputs])).toEqual([
    ['down_blocks.0.conv1.Add', 'x', 'x'],
    ['down_blocks.0.conv1.Add_1', 'down_blocks.0.conv1.Add', 'x'],
    ['Identity', 'down_blocks.0.conv1.Add_1'],
  ]);
});

test('equal constants are stored once', () => {
  const root = builder();
  expect(root.integers([0, -1])).toBe(root.at('elsewhere').integers([0, -1]));
  expect(root.floats([0], [1])).not.toBe(root.floats([0], []));
  root.integers([1]);
  expect(root.build().initializers).toHaveLength(4);
});

test('an input left out is an empty name', () => {
  const root = builder();
  const x = root.input({ name: 'x', type: 'float32', dims: [1] });
  root.node('Resize', [x, null, x], {
    axes: [0],
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
  expect(root.build().nodes[0]?.inputs).toEqual(['x', '', 'x']);
});

test('an input declared twice is a mistake of the compiler', () => {
  const root = builder();
  root.input({ name: 'x', type: 'float32', dims: [1] });
  expect(() => root.input({ name: 'x', type: 'float32', dims: [1] })).toThrow('declared twice');
});

describe('a weight', () => {
  test('points into the checkpoint, however often it is used', () => {
    const root = builder({ weights: weights(['conv.weight', 'F32', [2, 3]]) });
    root.at('conv').weight('weight', [2, 3]);
    root.at('conv').weight('weight', [2, 3]);
    const { initializers, nodes } = root.build();
    expect(initializers).toEqual([
      {
        name: 'conv.weight',
        type: 'float32',
        dims: [2, 3],
        data: { kind: 'external', file: 'blobs/abc', start: 100, end: 200 },
      },
    ]);
    expect(nodes).toEqual([]);
  });

  test.each([
    ['F16', 'float16'],
    ['BF16', 'bfloat16'],
  ])('of type %s is stored as it is and widened for computing', (dtype, type) => {
    const root = builder({ weights: weights(['w', dtype, [4]]) });
    root.weight('w', [4]);
    const { initializers, nodes } = root.build();
    expect(initializers[0]?.type).toBe(type);
    expect(nodes).toMatchObject([{ operator: 'Cast', inputs: ['w'], attributes: { to: 1 } }]);
  });

  test('takes the dimensions of its use where they differ by ones from those of the file', () => {
    const root = builder({ weights: weights(['proj', 'F32', [4, 5, 1, 1]], ['norm', 'F32', [4]]) });
    root.weight('proj', [4, 5]);
    root.weight('norm', [4, 1, 1]);
    expect(root.build().initializers.map(({ dims }) => dims)).toEqual([
      [4, 5],
      [4, 1, 1],
    ]);
  });

  test('is found under the name that the file uses', () => {
    const root = builder({ weights: weights(['old', 'F32', [1]]), storedName: () => 'old' });
    expect(root.at('new').weight('weight', [1]).name).toBe('old');
  });

  test('that is missing, of another shape or no float is refused, with all others', () => {
    const root = builder({ weights: weights(['b', 'F32', [5, 4]], ['c', 'I64', [4]]) });
    root.weight('a', [3]);
    root.weight('b', [4, 5]);
    root.weight('c', [4]);
    expect(refusal(() => root.build())).toEqual([
      'unet/weights.safetensors: a is missing; must be [3]',
      'unet/weights.safetensors: b is [5,4]; must be [4,5] by the config',
      'unet/weights.safetensors: c is of type I64; must be one of F32, F16, BF16',
    ]);
  });

  test('is not the 700th to be refused: a few stand for all', () => {
    const root = builder();
    for (let index = 0; index < 700; index++) root.weight(`w${index}`, [1]);
    const messages = refusal(() => root.build());
    expect(messages).toHaveLength(13);
    expect(messages.at(-1)).toBe('unet/weights.safetensors: 688 more weights do not fit');
  });
});
