import { expect, test } from 'vitest';
import { type BuilderOptions, createBuilder } from '../../../src/compiler/builder.ts';
import { InputError } from '../../../src/core/problem.ts';

function builder(options: Partial<BuilderOptions> = {}) {
  const weights = { subject: 'weights.safetensors', entries: new Map() };
  return createBuilder({ name: 'test', weights, lora: null, ...options });
}

/** The entries of a file that holds one weight. */
function holding(name: string, dtype: string, dims: readonly number[]): BuilderOptions['weights'] {
  const entry = { name, dtype, dims, file: 'blobs/abc', start: 100, end: 200 };
  return { subject: 'weights.safetensors', entries: new Map([[name, entry]]) };
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

test('a weight points into the checkpoint and is an initializer once, however often it is used', () => {
  const root = builder({ weights: holding('conv.weight', 'F32', [2, 3]) });
  root.at('conv').weight('weight', [2, 3]);
  root.at('conv').weight('weight', [2, 3]);
  const data = { kind: 'external', file: 'blobs/abc', start: 100, end: 200 };
  expect(root.build().initializers).toEqual([{ name: 'conv.weight', type: 'float32', dims: [2, 3], data }]);
  expect(root.build().nodes).toEqual([]);
});

test.each([
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
])('a weight of type %s is stored as it is and widened for computing', (dtype, type) => {
  const root = builder({ weights: holding('w', dtype, [4]) });
  root.weight('w', [4]);
  const { initializers, nodes } = root.build();
  expect(initializers[0]?.type).toBe(type);
  expect(nodes).toMatchObject([{ operator: 'Cast', inputs: ['w'], attributes: { to: 'float32' } }]);
});

test('a graph whose weights do not fit is not built', () => {
  const root = builder();
  root.weight('w', [4]);
  expect(() => root.build()).toThrow(InputError);
});
