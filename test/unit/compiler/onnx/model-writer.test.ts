import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import type { Graph } from '../../../../src/compiler/graph.ts';
import { writeModel } from '../../../../src/compiler/onnx/model-writer.ts';

/** The runtime itself reads what was written: an independent reader of the format, and the one that matters. */

const x = { name: 'x', type: 'float32', dims: ['rows', 3] } as const;
const y = { name: 'y', type: 'float32', dims: ['rows', 2] } as const;
const inline = (values: readonly number[]) =>
  ({ kind: 'inline', bytes: new Uint8Array(Float32Array.from(values).buffer) }) as const;

const linear: Graph = {
  name: 'linear',
  inputs: [x],
  outputs: [y],
  initializers: [
    { name: 'w', type: 'float32', dims: [3, 2], data: inline([1, 2, 3, 4, 5, 6]) },
    { name: 'b', type: 'float32', dims: [2], data: inline([0.5, -0.5]) },
  ],
  nodes: [
    { name: 'multiply', operator: 'MatMul', inputs: ['x', 'w'], outputs: ['xw'], attributes: {} },
    { name: 'shift', operator: 'Add', inputs: ['xw', 'b'], outputs: ['y'], attributes: {} },
  ],
};

async function run(graph: Graph, values: readonly number[], externalData?: Uint8Array): Promise<readonly number[]> {
  const session = await InferenceSession.create(writeModel(graph), {
    intraOpNumThreads: 1,
    ...(externalData === undefined ? {} : { externalData: [{ path: 'weights.bin', data: externalData }] }),
  });
  const { y: result } = await session.run({
    x: new Tensor('float32', Float32Array.from(values), [values.length / 3, 3]),
  });
  await session.release();
  return Array.from(result?.data ?? [], Number);
}

test('a graph runs as it is written', async () => {
  expect(await run(linear, [1, 0, 0, 1, 1, 1])).toEqual([1.5, 1.5, 9.5, 11.5]);
});

test('names, types and dimensions come back as they were declared', async () => {
  const session = await InferenceSession.create(writeModel(linear));
  expect(session.inputMetadata).toEqual([{ name: 'x', isTensor: true, type: 'float32', shape: ['rows', 3] }]);
  expect(session.outputMetadata).toEqual([{ name: 'y', isTensor: true, type: 'float32', shape: ['rows', 2] }]);
  await session.release();
});

test('external data is read at its offset, and float16 is what it says', async () => {
  // 1, 2, 3, 4, 5, 6 as float16, behind three bytes that belong to something else.
  const halves = new Uint8Array(Uint16Array.from([0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600]).buffer);
  const file = Buffer.concat([new Uint8Array(3), halves]);
  const graph: Graph = {
    ...linear,
    initializers: [
      {
        name: 'half',
        type: 'float16',
        dims: [3, 2],
        data: { kind: 'external', file: 'weights.bin', start: 3, end: 15 },
      },
      ...linear.initializers.slice(1),
    ],
    nodes: [
      { name: 'widen', operator: 'Cast', inputs: ['half'], outputs: ['w'], attributes: { to: 'float32' } },
      ...linear.nodes,
    ],
  };
  expect(await run(graph, [1, 0, 0, 1, 1, 1], file)).toEqual([1.5, 1.5, 9.5, 11.5]);
});

test('attributes keep their kinds: 1 as a float for QuickGelu, negative ints, lists and strings', async () => {
  const graph: Graph = {
    name: 'attributes',
    inputs: [x],
    outputs: [{ name: 'y', type: 'float32', dims: [3, 'rows'] }],
    initializers: [],
    nodes: [
      { name: 'a', operator: 'QuickGelu', inputs: ['x'], outputs: ['silu'], attributes: { alpha: 1 } },
      { name: 'b', operator: 'Gelu', inputs: ['silu'], outputs: ['gelu'], attributes: { approximate: 'none' } },
      { name: 'c', operator: 'Concat', inputs: ['gelu', 'x'], outputs: ['both'], attributes: { axis: -1 } },
      {
        name: 'd',
        operator: 'Split',
        inputs: ['both'],
        outputs: ['left', 'right'],
        attributes: { axis: 1, num_outputs: 2 },
      },
      { name: 'e', operator: 'Transpose', inputs: ['left'], outputs: ['y'], attributes: { perm: [1, 0] } },
    ],
  };
  const [zero, one] = await run(graph, [0, 1, -1]);
  expect(zero).toBe(0);
  const silu = 1 / (1 + Math.exp(-1));
  expect(one).toBeCloseTo(silu * normalCdf(silu), 5);
});

test('a node that lacks an attribute is a mistake of the compiler', () => {
  const nodes = [{ name: 'c', operator: 'Concat', inputs: ['x'], outputs: ['y'], attributes: {} }];
  expect(() => writeModel({ ...linear, nodes })).toThrow('c lacks the attribute axis');
});

test('an operator that is not in the table is a mistake of the compiler', () => {
  const nodes = [{ name: 'c', operator: 'Einsum', inputs: ['x'], outputs: ['y'], attributes: {} }];
  expect(() => writeModel({ ...linear, nodes })).toThrow('Einsum is not in the table');
});

/** By integrating the density, to six digits. */
function normalCdf(x: number): number {
  const steps = 1000;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.exp((((i + 0.5) * x) / steps) ** 2 / -2);
  return 0.5 + (sum * x) / steps / Math.sqrt(2 * Math.PI);
}
