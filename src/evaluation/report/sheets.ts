import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { contactSheet } from '../../files/contact-sheet.ts';
import { squareOf } from '../../files/rgb-picture.ts';
import type { EvaluationPlan } from '../plan-evaluation.ts';
import type { ScoredPicture } from '../run-evaluation.ts';
import { trueRenderings } from '../true-renderings.ts';

/** Contact sheets of a report: one for a set, a column for each method and the true renderings last, a line for each noise. */

export interface Sheet {
  readonly set: string;
  readonly N: number;
  /** What each column shows. */
  readonly columns: readonly string[];
  /** Its file, relative to the evaluation's folder. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

const FOLDER = 'sheets';
/** Sheets are to be looked at and not measured: a small file will do. */
const WEBP = { quality: 90 } as const;
const SETS_PER_SIZE = 2;
const LINES = 2;
/** Pixels of a picture on a sheet, at most. */
const SIDE_MAX = 256;

export async function writeSheets(
  pictures: readonly ScoredPicture[],
  options: { readonly plan: EvaluationPlan; readonly folder: string; readonly truthFolder: string | undefined },
): Promise<readonly Sheet[]> {
  const { sets } = options.plan;
  const sizes = [...new Set(sets.map(({ loras }) => loras.length))];
  const chosen = sizes.flatMap((size) =>
    sets.flatMap(({ loras }, index) => (loras.length === size ? [index] : [])).slice(0, SETS_PER_SIZE),
  );
  // Those of an earlier choice of sets would look like a part of this report.
  await rm(join(options.folder, FOLDER), { recursive: true, force: true });
  await mkdir(join(options.folder, FOLDER));
  const sheets: Sheet[] = [];
  for (const set of chosen) sheets.push(await writeSheet(pictures, set, options));
  return sheets;
}

async function writeSheet(
  pictures: readonly ScoredPicture[],
  index: number,
  { plan, folder, truthFolder }: Parameters<typeof writeSheets>[1],
): Promise<Sheet> {
  const { sets, methods, seeds } = plan;
  const { id = '', loras = [] } = sets[index] ?? {};
  const truth = truthFolder === undefined ? [] : await trueRenderings(truthFolder, id);
  const own = pictures.filter(({ planned }) => planned.set === index);
  const cells: Uint8Array[] = [];
  for (let seed = 0; seed < Math.min(LINES, seeds); seed++) {
    for (const method of methods) {
      const picture = own.find(({ planned }) => planned.seed === seed && planned.method.name === method.name);
      if (picture !== undefined) cells.push(await readFile(join(folder, picture.drawn.file)));
    }
    const real = truth[seed % Math.max(1, truth.length)];
    if (real !== undefined) {
      const first = await sharp(cells[0]).metadata();
      const { width, height, pixels } = await squareOf(real, Math.min(first.width, first.height));
      cells.push(
        await sharp(pixels, { raw: { width, height, channels: 3 } })
          .png()
          .toBuffer(),
      );
    }
  }
  const columns = [...methods.map(({ name }) => name), ...(truth.length > 0 ? ['true'] : [])];
  const whole = sharp(await contactSheet(cells, columns.length));
  const { width: cellWidth } = await sharp(cells[0]).metadata();
  const { width } = await whole.metadata();
  const scaled = whole.resize({ width: Math.round(Math.min(1, SIDE_MAX / cellWidth) * width) }).webp(WEBP);
  const { data, info } = await scaled.toBuffer({ resolveWithObject: true });
  const file = join(FOLDER, `${id}.webp`);
  await writeFile(join(folder, file), data);
  return { set: id, N: loras.length, columns, file, width: info.width, height: info.height };
}
