/**
 * A diffusers folder on disk to a `Checkpoint`: finds the files, parses the configs, reads the weight files' headers, hashes all of
 * it. Files that are missing, values that are unsupported and weights of another shape than their config says are refused here, each
 * kind all at once, before a runtime sees them. Weights are hashed but never kept.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { checkCheckpoint } from '../compiler/check-checkpoint.ts';
import type { Checkpoint, Weights } from '../compiler/checkpoint.ts';
import type { Parsed } from '../compiler/configs/config-reader.ts';
import { parseSchedulerConfig } from '../compiler/configs/scheduler-config.ts';
import { parseTextEncoderConfig } from '../compiler/configs/text-encoder-config.ts';
import { parseTokenizer } from '../compiler/configs/tokenizer.ts';
import { parseUnetConfig } from '../compiler/configs/unet-config.ts';
import { parseVaeConfig } from '../compiler/configs/vae-config.ts';
import { InputError, type Problem, type ProblemCode } from '../core/problem.ts';
import { findWeightFiles, readWeights, type WeightFiles } from './component-weights.ts';
import { type JsonObject, readJsonObject } from './json-file.ts';

/** Paths within the folder, as diffusers writes them. Of several names for one thing the first that exists is taken. */
const FILES = {
  index: ['model_index.json'],
  scheduler: ['scheduler/scheduler_config.json'],
  textEncoder: ['text_encoder/config.json'],
  textEncoderWeights: weightFileNames('text_encoder/model'),
  unet: ['unet/config.json'],
  unetWeights: weightFileNames('unet/diffusion_pytorch_model'),
  vae: ['vae/config.json'],
  vaeWeights: weightFileNames('vae/diffusion_pytorch_model'),
  vocabulary: ['tokenizer/vocab.json'],
  merges: ['tokenizer/merges.txt'],
} as const;

/** Whole or in shards, at full or half precision. */
function weightFileNames(stem: string): readonly string[] {
  const file = `${stem}.safetensors`;
  return [file, `${stem}.fp16.safetensors`, `${file}.index.json`, `${file}.index.fp16.json`];
}

type FileNames = Readonly<Record<keyof typeof FILES, string>>;

/** Says which token pads short texts. Folders that lack it pad as CLIP does. */
const SPECIAL_TOKENS = 'tokenizer/special_tokens_map.json';

const PIPELINE_CLASS = 'StableDiffusionPipeline';

/** Throws an InputError: `malformed_file` for damaged files, `unsupported_checkpoint` for all else. */
export async function readCheckpoint(directory: string): Promise<Checkpoint> {
  const folder = resolve(directory);
  const names = await findFiles(folder);
  const configs = await parseConfigs(folder, names);
  const weightFiles = {
    textEncoder: await findWeightFiles(folder, names.textEncoderWeights),
    unet: await findWeightFiles(folder, names.unetWeights),
    vae: await findWeightFiles(folder, names.vaeWeights),
  };
  const shards = Object.values(weightFiles).flatMap(({ files }) => files);
  const root = commonFolder(await Promise.all(shards.map((name) => realpath(join(folder, name)))));
  const weights = (files: WeightFiles): Promise<Weights> => readWeights(files, { folder, root });
  const checkpoint = {
    directory: root,
    id: basename(folder),
    textEncoder: { config: configs.textEncoder, weights: await weights(weightFiles.textEncoder) },
    unet: { config: configs.unet, weights: await weights(weightFiles.unet) },
    vae: { config: configs.vae, weights: await weights(weightFiles.vae) },
    scheduler: configs.scheduler,
    tokenizer: configs.tokenizer,
    sha256: '',
  };
  refuseIfAny(checkCheckpoint(checkpoint));
  return { ...checkpoint, sha256: await hashFiles(folder, [...new Set([...Object.values(names), ...shards])]) };
}

async function findFiles(folder: string): Promise<FileNames> {
  const problems: Problem[] = [];
  const find = async (candidates: readonly string[]): Promise<string> => {
    for (const name of candidates) if (await exists(join(folder, name))) return name;
    const message = `${candidates.join(' or ')} is missing from ${folder}; a checkpoint is a whole diffusers folder`;
    problems.push(problem('unsupported_checkpoint', candidates[0] ?? folder, message));
    return '';
  };
  const names = {
    index: await find(FILES.index),
    scheduler: await find(FILES.scheduler),
    textEncoder: await find(FILES.textEncoder),
    textEncoderWeights: await find(FILES.textEncoderWeights),
    unet: await find(FILES.unet),
    unetWeights: await find(FILES.unetWeights),
    vae: await find(FILES.vae),
    vaeWeights: await find(FILES.vaeWeights),
    vocabulary: await find(FILES.vocabulary),
    merges: await find(FILES.merges),
  };
  refuseIfAny(problems);
  return names;
}

async function parseConfigs(folder: string, names: FileNames) {
  const problems: Problem[] = [];
  const accept = <T>(parsed: Parsed<T>): T => {
    problems.push(...parsed.problems);
    return parsed.value;
  };
  const read = (name: string): Promise<JsonObject> => readJsonObject(folder, name);

  const { _class_name: pipeline } = await read(names.index);
  if (pipeline !== PIPELINE_CLASS) {
    const message = `${names.index}: _class_name is ${JSON.stringify(pipeline)}; must be "${PIPELINE_CLASS}"`;
    problems.push(problem('unsupported_checkpoint', names.index, message));
  }
  const textEncoder = accept(parseTextEncoderConfig(await read(names.textEncoder), names.textEncoder));
  const files = {
    vocabulary: await read(names.vocabulary),
    merges: await readFile(join(folder, names.merges), 'utf8'),
    specialTokens: (await exists(join(folder, SPECIAL_TOKENS))) ? await read(SPECIAL_TOKENS) : {},
  };
  const configs = {
    textEncoder,
    unet: accept(parseUnetConfig(await read(names.unet), names.unet)),
    vae: accept(parseVaeConfig(await read(names.vae), names.vae)),
    scheduler: accept(parseSchedulerConfig(await read(names.scheduler), names.scheduler)),
    tokenizer: accept(parseTokenizer(files, textEncoder)),
  };
  refuseIfAny(problems);
  return configs;
}

/**
 * The deepest folder that holds all of the files. The runtime refuses external data outside the folder that it is given, and follows
 * no link out of it; Hugging Face's cache is links into another folder.
 */
function commonFolder(paths: readonly string[]): string {
  let folder = dirname(paths[0] ?? sep);
  while (!paths.every((path) => path.startsWith(folder.endsWith(sep) ? folder : folder + sep)))
    folder = dirname(folder);
  return folder;
}

/** One hash over the names and hashes of the files, in the form of sha256sum, so that it can be computed by hand. */
async function hashFiles(folder: string, names: readonly string[]): Promise<string> {
  const whole = createHash('sha256');
  for (const name of [...names].sort()) {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(join(folder, name), { highWaterMark: READ_BYTES })) hash.update(chunk);
    whole.update(`${hash.digest('hex')}  ${name}\n`);
  }
  return whole.digest('hex');
}

const READ_BYTES = 1024 * 1024;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function problem(code: ProblemCode, subject: string, message: string): Problem {
  return { code, subject, message };
}

function refuseIfAny(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new InputError(problems);
}
