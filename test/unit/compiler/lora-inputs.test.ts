import { expect, test } from 'vitest';
import { createBuilder } from '../../../src/compiler/builder.ts';
import { addLoraTerm, loraTargetsOfInputs } from '../../../src/compiler/lora-inputs.ts';

function layer(lora: 'unet' | null) {
  const root = createBuilder({ name: 'test', weights: { subject: '', entries: new Map() }, lora });
  const x = { value: root.input({ name: 'x', type: 'float32', dims: ['rows', 'length', 6] }), width: 6 };
  const product = { value: root.input({ name: 'y', type: 'float32', dims: ['rows', 'length', 4] }), width: 4 };
  return { root, product, sum: addLoraTerm(root.at('attn1.to_q'), x, product) };
}

test('a layer takes its factors as inputs, each with a rank of its own', () => {
  const { inputs } = layer('unet').root.build();
  expect(inputs.slice(2)).toEqual([
    { name: 'attn1.to_q.lora_A', type: 'float32', dims: ['sets', 6, 'attn1.to_q.rank'] },
    { name: 'attn1.to_q.lora_B', type: 'float32', dims: ['sets', 'attn1.to_q.rank', 4] },
  ]);
});

test('the targets of a graph are read off its inputs', () => {
  const { inputs } = layer('unet').root.build();
  expect(loraTargetsOfInputs(inputs, 'unet')).toEqual([
    { component: 'unet', module: 'attn1.to_q', inputWidth: 6, outputWidth: 4 },
  ]);
});

test('a graph without LoRA inputs is the plain layer, node for node', () => {
  const { root, product, sum } = layer(null);
  expect(sum).toBe(product);
  expect(root.build().nodes).toEqual([]);
});
