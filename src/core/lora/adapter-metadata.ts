import { isObject } from '../is-object.ts';
import { InputError } from '../problem.ts';
import type { LoraComponent } from './target.ts';

/**
 * The alphas that diffusers writes beside PEFT's factors, as JSON in the safetensors metadata: a LoraConfig for each component, its
 * fields prefixed with the component's name. A pattern names the end of a module's path, as PEFT's `get_pattern_key` matches it;
 * PEFT takes any regular expression there, we take the plain names that tools write, and refuse the rest rather than guess.
 */

export interface AdapterMetadata {
  /** The scale of a module's product of factors; undefined where the file does not say. */
  scalingOf(
    component: LoraComponent,
    path: string,
    rank: number,
  ): { readonly alpha: number; readonly scale: number } | undefined;
}

const KEY = 'lora_adapter_metadata';

export function adapterMetadataOf(metadata: Readonly<Record<string, string>>, subject: string): AdapterMetadata {
  const text = metadata[KEY];
  if (text === undefined) return { scalingOf: () => undefined };
  const fields = parseObject(text, subject);
  return {
    scalingOf(component, path, rank) {
      const patterns = fields[`${component}.alpha_pattern`];
      const own = isObject(patterns) ? Object.keys(patterns).find((pattern) => matches(pattern, path, subject)) : null;
      const alpha = isObject(patterns) && own != null ? patterns[own] : fields[`${component}.lora_alpha`];
      if (alpha === undefined) return undefined;
      if (typeof alpha !== 'number') throw malformed(subject, `has ${JSON.stringify(alpha)} as alpha of ${path}`);
      // Rank-stabilised LoRA (arXiv 2312.03732) divides by the root of the rank.
      const isRankStabilised = fields[`${component}.use_rslora`] === true;
      return { alpha, scale: alpha / (isRankStabilised ? Math.sqrt(rank) : rank) };
    },
  };
}

/** `^` anchors a pattern at the path's start; else it matches whole trailing components. */
function matches(pattern: string, path: string, subject: string): boolean {
  const name = pattern.replace(/^\^/, '').replaceAll('\\.', '.');
  if (!/^[\w.]+$/.test(name)) {
    const message = `${subject} has the pattern ${JSON.stringify(pattern)} for alphas; only module names are supported`;
    throw new InputError([{ code: 'unsupported_lora', subject, message }]);
  }
  return path === name || (!pattern.startsWith('^') && path.endsWith(`.${name}`));
}

function parseObject(text: string, subject: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw malformed(subject, `has metadata ${KEY} that is not JSON`, cause);
  }
  throw malformed(subject, `has metadata ${KEY} that is not a JSON object`);
}

function malformed(subject: string, complaint: string, cause?: unknown): InputError {
  return new InputError([{ code: 'malformed_file', subject, message: `${subject} ${complaint}` }], { cause });
}
