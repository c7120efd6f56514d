import { expect, test } from 'vitest';
import { alphaKeysOf, type LoraFile } from '../../../../src/core/lora/lora-module.ts';
import { parseLora } from '../../../../src/core/lora/parse.ts';
import { receiptOf } from '../../../../src/core/lora/receipt.ts';
import { InputError } from '../../../../src/core/problem.ts';
import { loraFile, TARGETS, TEXT_QUERY, UNET_PROJECTION, UNET_QUERY } from '../../../support/lora-targets.ts';

const QUERY = 'lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q';
const PROJECTION = 'lora_unet_down_blocks_0_attentions_0_proj_in';
const TEXT = 'lora_te_text_model_encoder_layers_0_self_attn_q_proj';
const PAIR = { [`${QUERY}.lora_down.weight`]: [2, 3], [`${QUERY}.lora_up.weight`]: [5, 2] };

function problemsOf(file: LoraFile) {
  try {
    parseLora(file, TARGETS);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.problems.map(({ code, message }) => ({ code, message }));
  }
}

test('a kohya file becomes layers with rank, alpha and scale', () => {
  const file = loraFile(PAIR, { alphas: { [`${QUERY}.alpha`]: 1 } });
  expect(parseLora(file, TARGETS)).toEqual({
    format: 'kohya',
    modules: [
      {
        target: UNET_QUERY,
        down: `${QUERY}.lora_down.weight`,
        up: `${QUERY}.lora_up.weight`,
        rank: 2,
        alpha: 1,
        scale: 0.5,
      },
    ],
    unmatched: [],
  });
});

test('without an alpha the scale is 1', () => {
  expect(parseLora(loraFile(PAIR), TARGETS).modules[0]).toMatchObject({ alpha: 2, scale: 1 });
});

test('the alpha of a layer goes before that of the metadata', () => {
  const path = `unet.${UNET_QUERY.module}`;
  const tensors = { [`${path}.lora_A.weight`]: [2, 3], [`${path}.lora_B.weight`]: [5, 2] };
  const metadata = { lora_adapter_metadata: '{"unet.lora_alpha": 6}' };
  expect(parseLora(loraFile(tensors, { metadata }), TARGETS).modules[0]).toMatchObject({ alpha: 6, scale: 3 });
  const alphas = { [`${path}.alpha`]: 4 };
  expect(parseLora(loraFile(tensors, { metadata, alphas }), TARGETS).modules[0]).toMatchObject({ alpha: 4, scale: 2 });
});

test('the weights of a 1x1 convolution are a matrix', () => {
  const tensors = { [`${PROJECTION}.lora_down.weight`]: [2, 3, 1, 1], [`${PROJECTION}.lora_up.weight`]: [5, 2, 1, 1] };
  expect(parseLora(loraFile(tensors), TARGETS).modules[0]).toMatchObject({ target: UNET_PROJECTION, rank: 2 });
});

test('a receipt lists the layers in the order of the checkpoint, and every key that acts on nothing with its reason', () => {
  const file = loraFile({
    [`${TEXT}.lora_down.weight`]: [4, 4],
    [`${TEXT}.lora_up.weight`]: [4, 4],
    [`${PROJECTION}.lora_down.weight`]: [2, 3],
    [`${PROJECTION}.lora_up.weight`]: [5, 2],
    ...PAIR,
    'lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight': [2, 3, 3, 3],
    'lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight': [2, 3, 1, 1],
    'lora_unet_down_blocks_0_resnets_0_time_emb_proj.lora_down.weight': [2, 3],
    'lora_unet_down_blocks_0_resnets_0_time_emb_proj.lora_up.weight': [2, 3],
    'lora_unet_down_blocks_7_attentions_0_proj_in.alpha': [],
    position_ids: [77],
  });
  expect(receiptOf(parseLora(file, TARGETS), 'c0ffee')).toEqual({
    format: 'kohya',
    sha256: 'c0ffee',
    matched: { unet: [UNET_QUERY.module, UNET_PROJECTION.module], text_encoder: [TEXT_QUERY.module] },
    unmatched: [
      {
        key: 'lora_unet_down_blocks_0_resnets_0_conv1.lora_down.weight',
        reason: 'a convolution; LoRAs act on linear layers here',
      },
      {
        key: 'lora_unet_down_blocks_0_resnets_0_conv1.lora_up.weight',
        reason: 'a convolution; LoRAs act on linear layers here',
      },
      {
        key: 'lora_unet_down_blocks_0_resnets_0_time_emb_proj.lora_down.weight',
        reason: 'a time-embedding layer; LoRAs act on attention and feed-forward layers here',
      },
      {
        key: 'lora_unet_down_blocks_0_resnets_0_time_emb_proj.lora_up.weight',
        reason: 'a time-embedding layer; LoRAs act on attention and feed-forward layers here',
      },
      {
        key: 'lora_unet_down_blocks_7_attentions_0_proj_in.alpha',
        reason: 'the checkpoint has no LoRA layer of this name',
      },
      { key: 'position_ids', reason: 'not a key of a LoRA' },
    ],
    ranks: [2, 4],
    alphas: [2, 4],
  });
});

test('names of another base model are refused, even where some names match', () => {
  const file = loraFile({ ...PAIR, 'lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha': [] });
  expect(problemsOf(file)).toEqual([
    {
      code: 'lora_wrong_base',
      message:
        'ink.safetensors was made for another base model (SDXL): it holds lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha',
    },
  ]);
});

test('shapes of another base model are refused and named', () => {
  const file = loraFile({ [`${QUERY}.lora_down.weight`]: [2, 1024], [`${QUERY}.lora_up.weight`]: [320, 2] });
  expect(problemsOf(file)).toEqual([
    {
      code: 'lora_wrong_base',
      message:
        `ink.safetensors was made for another base model: ${UNET_QUERY.module} takes 1024 to 320 in the file ` +
        'and 3 to 5 in the checkpoint',
    },
  ]);
});

test.each([
  [`${QUERY}.dora_scale`, 'DoRA'],
  [`unet.${UNET_QUERY.module}.lora_magnitude_vector`, 'DoRA'],
  [`${QUERY}.hada_w1_a`, 'LoHa'],
  [`${QUERY}.lokr_w2`, 'LoKr'],
  [`unet.${UNET_QUERY.module}.lora_B.bias`, 'LoRA with biases'],
])('%s is refused as %s', (key, method) => {
  expect(problemsOf(loraFile({ ...PAIR, [key]: [5] }))).toEqual([
    {
      code: 'unsupported_lora',
      message: `ink.safetensors uses ${method} (${key}), which is not supported by this version`,
    },
  ]);
});

test('a file that acts on nothing is an error that says why', () => {
  const [problem] = problemsOf(loraFile({ 'model.layers.0.weight': [4, 4] }));
  expect(problem?.code).toBe('lora_no_match');
  expect(problem?.message).toMatch(/acts on no layer .*model.layers.0.weight .*not a key of a LoRA.*base model\?$/);
  expect(problemsOf(loraFile({}))).toEqual([{ code: 'lora_no_match', message: 'ink.safetensors holds no tensors' }]);
});

test('alphas alone act on nothing', () => {
  const [problem] = problemsOf(loraFile({}, { alphas: { [`${QUERY}.alpha`]: 1 } }));
  expect(problem?.code).toBe('lora_no_match');
  expect(problem?.message).toContain('an alpha without factors');
});

test.each([
  [`has ${QUERY}.lora_down.weight without its up half`, { [`${QUERY}.lora_down.weight`]: [2, 3] }],
  [`has ${QUERY}.lora_up.weight without its down half`, { [`${QUERY}.lora_up.weight`]: [5, 2] }],
  ['has lora_unet_other.lora_up.weight without its down half', { 'lora_unet_other.lora_up.weight': [5, 2] }],
  [
    `has rank 2 in ${QUERY}.lora_down.weight and rank 4 in ${QUERY}.lora_up.weight`,
    { [`${QUERY}.lora_down.weight`]: [2, 3], [`${QUERY}.lora_up.weight`]: [5, 4] },
  ],
  [
    `has ${QUERY}.lora_down.weight of rank 0`,
    { [`${QUERY}.lora_down.weight`]: [0, 3], [`${QUERY}.lora_up.weight`]: [5, 0] },
  ],
  [
    `has ${QUERY}.lora_down.weight of shape [2,3,3,3]; must be a matrix`,
    { [`${QUERY}.lora_down.weight`]: [2, 3, 3, 3], [`${QUERY}.lora_up.weight`]: [5, 2, 1, 1] },
  ],
  [
    `names ${UNET_QUERY.module.replaceAll('.', '_')} twice, the second time as unet.${UNET_QUERY.module}.lora_A.weight`,
    { ...PAIR, [`unet.${UNET_QUERY.module}.lora_A.weight`]: [2, 3] },
  ],
])('a file is malformed that %s', (complaint, tensors) => {
  expect(problemsOf(loraFile(tensors))).toEqual([{ code: 'malformed_file', message: `ink.safetensors ${complaint}` }]);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 0])('an alpha of %d is malformed', (alpha) => {
  const problems = problemsOf(loraFile(PAIR, { alphas: { [`${QUERY}.alpha`]: alpha } }));
  expect(problems.map(({ code }) => code)).toEqual(['malformed_file']);
});

test('an alpha that is more than one number is malformed', () => {
  const file = loraFile({ ...PAIR, [`${QUERY}.alpha`]: [2] });
  expect(alphaKeysOf(file.tensors)).toEqual([]);
  expect(problemsOf(file).map(({ code }) => code)).toEqual(['malformed_file']);
});

test('factors of integers are malformed', () => {
  const file = loraFile(PAIR);
  const tensors = new Map([...file.tensors].map(([key, { dims }]) => [key, { dtype: 'I8', dims }]));
  expect(problemsOf({ ...file, tensors }).map(({ message }) => message)).toEqual([
    `ink.safetensors has ${QUERY}.lora_down.weight of type I8; must be one of F32, F16, BF16`,
    `ink.safetensors has ${QUERY}.lora_up.weight of type I8; must be one of F32, F16, BF16`,
  ]);
});

test('a file with a fault in every key has a few of them shown and the rest counted', () => {
  const halves = Array.from({ length: 100 }, (_, index) => [`lora_unet_layer_${index}.lora_up.weight`, [5, 2]]);
  const problems = problemsOf(loraFile(Object.fromEntries(halves)));
  expect(problems).toHaveLength(9);
  expect(problems.at(-1)?.message).toBe('ink.safetensors has 92 more faults');
});

test('everything that is wrong is reported at once', () => {
  const file = loraFile({
    [`${QUERY}.lora_down.weight`]: [2, 9],
    [`${QUERY}.lora_up.weight`]: [9, 2],
    [`${TEXT}.lora_up.weight`]: [4, 4],
    [`${TEXT}.dora_scale`]: [4],
    'lora_te2_x.alpha': [],
  });
  expect(problemsOf(file).map(({ code }) => code)).toEqual([
    'lora_wrong_base',
    'lora_wrong_base',
    'unsupported_lora',
    'malformed_file',
  ]);
});
