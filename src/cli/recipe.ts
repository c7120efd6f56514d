import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../core/problem.ts';
import { readRecipe } from '../files/recipe.ts';

/** `overtone recipe`: what a picture was made of, as JSON, from the file alone. */

export const RECIPE_USAGE = `usage: overtone recipe FILE

Prints the recipe that a PNG, WebP or JPEG of Overtone carries: the request with nothing left implicit, which picture of it this is,
its seed, the hashes of the checkpoint and of each LoRA, and the version. overtone replay makes the picture again.
`;

export async function runRecipe(argv: readonly string[], out: (text: string) => void): Promise<void> {
  const [file, ...more] = argv;
  if (file === '--help' || file === '-h') return out(RECIPE_USAGE);
  if (file === undefined || file.startsWith('-') || more.length > 0) {
    const message = `command is 'recipe ${argv.join(' ')}'; must be overtone recipe FILE`;
    throw new InputError([{ code: 'invalid_request', subject: 'command', message }]);
  }
  out(`${JSON.stringify(readRecipe(await readPicture(file), basename(file)), undefined, 2)}\n`);
}

/** Throws an InputError for a file that cannot be read. */
export async function readPicture(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const message = `'${path}' cannot be read; must be a picture that Overtone has made`;
    throw new InputError([{ code: 'invalid_request', subject: path, message }], { cause });
  }
}
