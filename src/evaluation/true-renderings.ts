import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { RgbImage } from '../core/image/planes-to-rgb.ts';
import { readRgbPicture, squaresOf } from '../files/rgb-picture.ts';

/**
 * Pictures of what a set should be, which whoever made the testbed gives: for each set a strip of squares side by side, named by the
 * set's id. They are what 100 points of the gap, ties and kernel distances are measured by.
 */

const ENDINGS = ['.webp', '.png'];

/** Empty where the folder has no strip of the set. */
export async function trueRenderings(folder: string, setId: string): Promise<readonly RgbImage[]> {
  for (const ending of ENDINGS) {
    const path = join(folder, setId + ending);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return squaresOf(await readRgbPicture(path));
  }
  return [];
}
