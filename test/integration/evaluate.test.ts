import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runEvaluate } from '../../src/cli/evaluate.ts';
import { parseEvaluateCommand } from '../../src/cli/evaluate-arguments.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { writeTinyTestbed } from '../support/tiny-testbed.ts';

/** Real engine, real judges in ONNX Runtime, real files; only the clock and the memory meter are made up, so that reports can be equal. */

let testbed: string;
let folder: string;
beforeAll(async () => {
  testbed = await writeTinyTestbed();
  folder = dirname(testbed);
});
afterAll(() => rm(folder, { recursive: true }));

interface Run {
  readonly lines: readonly string[];
  /** What the bar has shown. */
  readonly shown: readonly string[];
}

/** Runs the command; `stopAt` interrupts it when the bar shows this for the `after`-th time. */
async function evaluate(
  argv: readonly string[],
  stopAt?: { readonly label: string; readonly after: number },
): Promise<Run> {
  const command = parseEvaluateCommand([testbed, ...argv]);
  if (command.name === 'help') throw new Error('no help was asked for');
  const abort = new AbortController();
  const lines: string[] = [];
  const shown: string[] = [];
  let milliseconds = 0;
  await runEvaluate(command.arguments, {
    device: 'cpu',
    threads: 2,
    vision: undefined,
    logger: createLogger({ program: 'test', level: 'silent' }),
    output: { result: (line) => lines.push(line), progress: () => undefined },
    bar: {
      show({ label }) {
        shown.push(label);
        if (label === stopAt?.label && shown.filter((each) => each === label).length === stopAt.after) {
          abort.abort(new Error('interrupted'));
        }
      },
      finish: () => undefined,
    },
    signal: abort.signal,
    now: () => milliseconds++,
    residentBytes: () => 2 ** 20,
  });
  return { lines, shown };
}

/** Every file of a run but its journals, by its path. */
function filesOf(out: string): ReadonlyMap<string, string> {
  const names = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.jsonl'))
    .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1));
  return new Map(names.sort().map((name) => [name, readFileSync(join(out, name)).toString('base64')]));
}

const small = ['--sizes', '2', '--sets', '2', '--seeds', '1'];

describe('overtone evaluate', () => {
  let whole: string;
  let first: Run;
  beforeAll(async () => {
    whole = join(folder, 'whole');
    first = await evaluate(['--out', whole]);
  });

  test('leaves a picture for every method, set and noise, and a report', () => {
    const files = [...filesOf(whole).keys()];
    expect(files.filter((name) => name.startsWith('pictures/'))).toHaveLength(4 * 5 * 2);
    expect(files.filter((name) => !name.includes('/'))).toEqual([
      'pictures.csv',
      'report.html',
      'results.json',
      'rows.csv',
      'summary.json',
    ]);
    expect(files.filter((name) => name.startsWith('sheets/'))).toHaveLength(4);
    expect(first.lines.at(-1)).toBe(`report: ${join(whole, 'report.html')}`);
  });

  test('gives a summary with a row for each method and number of LoRAs', () => {
    const { rows } = JSON.parse(readFileSync(join(whole, 'summary.json'), 'utf8'));
    expect(rows.map(({ method, N }: { method: string; N: number }) => `${method} ${N}`)).toEqual([
      'none 2',
      'none 3',
      'merge 2',
      'merge 3',
      'switch 2',
      'switch 3',
      'cmlora 2',
      'cmlora 3',
    ]);
    const fields = ['clipScore', 'gap', 'recall', 'allFound', 'winRate', 'winMarginVsRivals'];
    expect(Object.keys(rows[6])).toEqual(['method', 'N', ...fields, 'passes', 'seconds']);
    for (const row of rows) {
      for (const field of fields) {
        // Rivals have no others to be measured against: here there is but one.
        if (field === 'winMarginVsRivals' && row.method === 'switch') expect(row[field]).toBeNull();
        else expect(row[field], `${row.method} ${field}`).toMatchObject({ mean: expect.any(Number) });
      }
      expect(row.passes.full).toBe({ none: 4, merge: 4, switch: 4 }[row.method as string] ?? row.passes.full);
    }
    const gaps = rows.filter(({ method }: { method: string }) => method === 'none');
    for (const { gap } of gaps) expect(gap).toEqual({ mean: 0, lo: 0, hi: 0 });
  });

  test('draws and judges nothing again when it is run again, and gives the same report', async () => {
    const before = filesOf(whole);
    const again = await evaluate(['--out', whole]);
    expect(again.shown).not.toContain('drawing');
    expect(again.shown.some((label) => label.startsWith('loading'))).toBe(false);
    expect(filesOf(whole)).toEqual(before);
  });

  test.each([[{ label: 'drawing', after: 17 }], [{ label: 'judging', after: 3 }]])(
    'interrupted at %o and run again, gives the same files',
    async (stopAt) => {
      const out = join(folder, `stopped-${stopAt.label}-${stopAt.after}`);
      await expect(evaluate(['--out', out], stopAt)).rejects.toThrow('interrupted');
      const { shown } = await evaluate(['--out', out]);
      // What was drawn before it was stopped is not drawn again.
      expect(shown.filter((label) => label === 'drawing')).toHaveLength(stopAt.label === 'drawing' ? 40 - 16 : 0);
      // Paths in a report are those of its own folder, so the two differ in nothing.
      expect(filesOf(out)).toEqual(filesOf(whole));
    },
  );

  test('takes over the pictures of a smaller choice', async () => {
    const out = join(folder, 'growing');
    await evaluate(['--out', out, ...small]);
    const { shown } = await evaluate(['--out', out, '--sizes', '2', '--seeds', '1']);
    expect(shown.filter((label) => label === 'drawing')).toHaveLength(4);
  });

  test('leaves no contact sheet of sets that are no part of the report', async () => {
    const out = join(folder, 'other-sets');
    await evaluate(['--out', out, ...small]);
    await evaluate(['--out', out, '--sizes', '3', '--sets', '1', '--seeds', '1']);
    const sheets = [...filesOf(out).keys()].filter((name) => name.startsWith('sheets/'));
    expect(sheets.map((name) => name.split('+').length)).toEqual([3]);
  });

  test('refuses a method that cannot run, before anything is drawn', async () => {
    const methods = [
      { name: 'none', group: 'headline', loras: 'none' },
      { name: 'odd', group: 'headline', composition: { method: 'switch', tau: 0 } },
    ];
    const other = await writeTinyTestbed({ methods, claims: undefined });
    const command = parseEvaluateCommand([other, '--out', join(folder, 'odd')]);
    if (command.name === 'help') throw new Error('no help was asked for');
    const context = {
      device: 'cpu',
      threads: 2,
      vision: undefined,
      logger: createLogger({ program: 'test', level: 'silent' }),
      output: { result: () => undefined, progress: () => undefined },
      bar: { show: () => undefined, finish: () => undefined },
      signal: new AbortController().signal,
      now: () => 0,
      residentBytes: () => 0,
    } as const;
    await expect(runEvaluate(command.arguments, context)).rejects.toThrow(/method odd.*tau is 0; must be an integer/);
    await rm(dirname(other), { recursive: true });
  });

  test('says so when a picture was changed since it was drawn', async () => {
    const out = join(folder, 'changed');
    await evaluate(['--out', out, ...small], { label: 'judging', after: 1 }).catch(() => undefined);
    const pictures = [...filesOf(out).keys()].filter((name) => name.includes('/merge-'));
    const [one = '', other = ''] = pictures.map((name) => join(out, name));
    copyFileSync(other, one);
    await expect(evaluate(['--out', out, ...small])).rejects.toThrow('has been changed since it was drawn');
  });
});
