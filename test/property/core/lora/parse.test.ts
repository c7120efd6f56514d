import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LoraFile, LoraTensor } from '../../../../src/core/lora/lora-module.ts';
import { type ParsedLora, parseLora } from '../../../../src/core/lora/parse.ts';
import { InputError } from '../../../../src/core/problem.ts';
import { TARGETS } from '../../../support/lora-targets.ts';

const modules = [
  ...TARGETS.map(({ component, module }) => `${component}.${module}`),
  ...TARGETS.map(({ component, module }) => {
    return `lora_${component === 'unet' ? 'unet' : 'te'}_${module.replaceAll('.', '_')}`;
  }),
  'lora_unet_down_blocks_0_resnets_0_conv1',
  'lora_te2_text_model_encoder_layers_0_mlp_fc1',
  'base_model.model.nowhere',
  'constructor',
];
const suffixes = [
  '.lora_down.weight',
  '.lora_up.weight',
  '.lora_A.weight',
  '.lora_B.weight',
  '.lora.down.weight',
  '.lora.up.weight',
  '.alpha',
  '.hada_w1_a',
  '',
];
const key = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom(...modules), fc.constantFrom(...suffixes)).map(([m, s]) => m + s) },
  fc.string(),
);
const tensor = fc.record({
  dtype: fc.constantFrom('F32', 'F16', 'I64'),
  dims: fc.oneof(fc.constantFrom([2, 3], [5, 2], [2, 4], [4, 2], []), fc.array(fc.integer({ min: 0, max: 9 }))),
});
const file = fc
  .record({ tensors: fc.array(fc.tuple(key, tensor)), alpha: fc.double(), metadata: fc.string() })
  .map(({ tensors, alpha, metadata }): LoraFile => {
    const map = new Map(tensors);
    return {
      subject: 'any.safetensors',
      tensors: map,
      metadata: metadata === '' ? {} : { lora_adapter_metadata: metadata },
      alphas: new Map([...map.keys()].map((name) => [name, alpha])),
    };
  });

/** Undefined for a file that is refused. */
function parsed(lora: LoraFile): ParsedLora | undefined {
  try {
    return parseLora(lora, TARGETS);
  } catch (error) {
    if (error instanceof InputError && error.problems.length > 0) return undefined;
    throw error;
  }
}

/** A well-formed pair, so that files are accepted often enough. */
const [UNET_LAYER] = TARGETS;
const pair: readonly (readonly [string, LoraTensor])[] = [
  [`unet.${UNET_LAYER?.module}.lora_A.weight`, { dtype: 'F32', dims: [2, 3] }],
  [`unet.${UNET_LAYER?.module}.lora_B.weight`, { dtype: 'F32', dims: [5, 2] }],
];

test('any file is either refused in words or understood', () => {
  fc.assert(
    fc.property(file, (lora) => void parsed(lora)),
    { numRuns: 500 },
  );
});

test('every key of an accepted file always acts on a layer or is listed with a reason: nothing is silent', () => {
  const plainKeys = fc.array(fc.constantFrom('position_ids', 'lora_unet_elsewhere.alpha', 'x.weight', ''));
  fc.assert(
    fc.property(plainKeys, (others) => {
      const tensors = new Map<string, LoraTensor>([
        ...pair,
        ...others.map((name) => [name, { dtype: 'F32', dims: [] }] as const),
      ]);
      const lora = parsed({ subject: 'any.safetensors', tensors, metadata: {}, alphas: new Map() });
      const acting = lora?.modules.flatMap(({ down, up }) => [down, up]) ?? [];
      const listed = lora?.unmatched.map((row) => row.key) ?? [];
      expect([...acting, ...listed].sort()).toEqual([...tensors.keys()].sort());
      expect(lora?.unmatched.every(({ reason }) => reason.length > 0)).toBe(true);
    }),
  );
});
