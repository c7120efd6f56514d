import type { Interval } from '../../core/evaluation/bootstrap.ts';
import type { FigureRow } from '../../core/evaluation/figures.ts';
import type { VisionResult } from '../vision-duels.ts';
import type { EvaluationResult } from './evaluation-result.ts';
import { costPlot, measurePlot } from './plots.ts';
import type { Sheet } from './sheets.ts';

/**
 * The report as one HTML page with its plots inside; contact sheets are files beside it. No script, nothing from elsewhere, no time of
 * day: the same scores are the same page. Pure text.
 */
export function reportPage(result: EvaluationResult, sheets: readonly Sheet[]): string {
  const { testbed } = result;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(testbed.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(testbed.title)}</h1>
${whatWasRun(result)}
${claimsSection(result)}
${overview(result)}
${plotsSection(result)}
${sheetsSection(sheets)}
${bySize(result)}
${duelsSection(result)}
${visionSection(result.vision)}
${methodsSection(result)}
${READING}
</main>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1f2328; font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 12px; }
h2 { font-size: 20px; margin: 40px 0 10px; }
h3 { font-size: 15px; margin: 22px 0 8px; }
p { max-width: 72ch; margin: 8px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 12px 5px 0; text-align: right; vertical-align: top; border-bottom: 1px solid #e4e7eb; white-space: nowrap; }
th { font-weight: 600; color: #57606a; }
th:first-child, td:first-child, .words { text-align: left; }
.words { white-space: normal; }
small { color: #57606a; display: block; font-size: 11px; }
.yes { color: #1a7f37; font-weight: 600; }
.no { color: #b42318; font-weight: 600; }
code { font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
figure { margin: 0 0 22px; }
figcaption { margin-bottom: 4px; font-size: 13px; }
.names { display: grid; font-size: 11px; color: #57606a; }
.names span { overflow: hidden; text-overflow: ellipsis; }
svg, img { display: block; max-width: none; }
svg { max-width: 100%; height: auto; }
`;

function whatWasRun({ testbed, model, sets, seeds, part, methods, picture, truth, judges, delta }: EvaluationResult) {
  const sizes = [...new Set(sets.map(({ N }) => N))];
  const counts = sizes.map((size) => `${sets.filter(({ N }) => N === size).length} of ${size}`).join(', ');
  const parts = { tuning: 'set aside for tuning', held_out: 'not used for tuning', all: 'all there are' };
  const found = truth.found === null ? '' : `, of whose concepts the judge finds ${percent(truth.found)} %`;
  return [
    ...testbed.notes.map((note) => `<p>${escaped(note)}</p>`),
    `<p>${methods.length} methods on ${sets.length} sets of LoRAs (${counts}; ${parts[part]}), ${seeds} ${seeds === 1 ? 'picture' : 'pictures'} each: ${methods.length * sets.length * seeds} pictures of ${picture.width}x${picture.height} in ${picture.steps} steps of ${picture.sampler}, guidance ${picture.guidance_scale}, LoRAs at ${picture.lora_scale}. The noise of a picture is the same for every method.</p>`,
    `<p>Model <code>${escaped(model.id)}</code> (${model.sha256.slice(0, 12)}) on ${escaped(model.device)}. ${truth.renderings} true renderings${found}. Differences of CLIPScore up to ${delta.toFixed(2)} are ties. ${judgeWords(judges)}</p>`,
  ].join('\n');
}

function judgeWords({ clip, concepts }: EvaluationResult['judges']): string {
  const words = [
    clip === null ? 'No CLIP judged.' : `CLIP: ${clip.slice(0, 12)}.`,
    concepts === null ? 'No judge of concepts.' : `Judge of concepts: ${concepts.slice(0, 12)}.`,
  ];
  return words.join(' ');
}

function claimsSection({ claims, tried }: EvaluationResult): string {
  if (claims.length === 0) return '';
  const rows = claims.map(({ name, claimed, measured, unit, holds, leaveOneOut }) => {
    const kept = leaveOneOut === null ? '' : `${leaveOneOut.sameSign} of ${leaveOneOut.without.length}`;
    const verdict = holds ? '<span class="yes">holds</span>' : '<span class="no">does not hold</span>';
    const suffix = unit === 'percent' ? ' %' : '';
    return [
      escaped(name),
      `<span class="words">${escaped(claimed)}</span>`,
      interval(measured, 1, 2, suffix),
      kept,
      verdict,
    ];
  });
  return section(
    'What is claimed, and what was measured',
    `<p>Averaged over the numbers of LoRAs, each counting alike, with 95 % intervals. Compositions of the method in question that have been evaluated beside these pictures: ${tried ?? 0}.</p>`,
    table(['claim', 'claimed', 'measured', 'sign kept without each LoRA', ''], rows),
  );
}

interface Column {
  readonly head: string;
  readonly cell: (row: FigureRow) => string;
}

const COLUMNS: readonly Column[] = [
  { head: 'CLIPScore', cell: (row) => interval(row.clipScore, 1, 2) },
  { head: 'gap', cell: (row) => interval(row.gap, 1, 1) },
  { head: 'recall %', cell: (row) => interval(row.recall, 100, 1) },
  { head: 'all found %', cell: (row) => interval(row.allFound, 100, 1) },
  { head: 'win rate %', cell: (row) => interval(row.winRate, 1, 1) },
  { head: 'margin over rivals', cell: (row) => interval(row.winMarginVsRivals, 1, 1) },
  { head: 'strangers', cell: (row) => interval(row.strangers, 1, 2) },
  { head: 'leakage %', cell: (row) => interval(row.leakage, 100, 1) },
  { head: 'binding %', cell: (row) => interval(row.binding, 100, 1) },
  { head: 'KID', cell: ({ kid }) => plain(kid, 4) },
  { head: 'PSNR dB', cell: (row) => interval(row.psnr, 1, 1) },
  { head: 'full + reuse', cell: ({ passes }) => `${passes.full.toFixed(1)} + ${passes.reuse.toFixed(1)}` },
  { head: 'full passes', cell: ({ fullPasses }) => fullPasses.toFixed(1) },
  { head: 'seconds', cell: ({ seconds }) => plain(seconds, 2) },
  { head: 'peak MiB', cell: ({ peakBytes }) => plain(peakBytes === null ? null : peakBytes / 2 ** 20, 0) },
];

function overview(result: EvaluationResult): string {
  const rows = result.rows.filter(({ N }) => N === 'all');
  return section('All numbers of LoRAs', figureTable(rows));
}

function bySize({ rows }: EvaluationResult): string {
  const sizes = [...new Set(rows.map(({ N }) => N))].filter((N) => N !== 'all');
  const tables = sizes.map((size) => `<h3>${size} LoRAs</h3>${figureTable(rows.filter(({ N }) => N === size))}`);
  return section('By number of LoRAs', ...tables);
}

/** Columns of which nothing is known are left out. */
function figureTable(rows: readonly FigureRow[]): string {
  const columns = COLUMNS.filter(({ cell }) => rows.some((row) => cell(row) !== ''));
  return table(
    ['method', ...columns.map(({ head }) => head)],
    rows.map((row) => [escaped(row.method), ...columns.map(({ cell }) => cell(row))]),
  );
}

function plotsSection(result: EvaluationResult): string {
  const plots = [
    measurePlot(result, 'recall', 'Concepts found, %'),
    measurePlot(result, 'gap', 'CLIPScore gap: 0 without LoRAs, 100 for true renderings'),
    measurePlot(result, 'winRate', 'Comparisons won among all methods, %'),
    costPlot(result, 'fullPasses', 'recall'),
    costPlot(result, 'seconds', 'recall'),
    costPlot(result, 'fullPasses', 'gap'),
  ].filter((plot) => plot !== undefined);
  return plots.length === 0 ? '' : section('Plots', ...plots.map((plot) => `<figure class="scroll">${plot}</figure>`));
}

function sheetsSection(sheets: readonly Sheet[]): string {
  if (sheets.length === 0) return '';
  const figures = sheets.map(({ set, N, columns, file, width, height }) => {
    const names = columns.map((name) => `<span title="${escaped(name)}">${escaped(name)}</span>`).join('');
    return `<figure class="scroll"><figcaption>${escaped(set.replaceAll('+', ' + '))}, ${N} LoRAs</figcaption>
<div class="names" style="width:${width}px;grid-template-columns:repeat(${columns.length},1fr)">${names}</div>
<img src="${encodeURI(file)}" width="${width}" height="${height}" alt="${escaped(`${set}: ${columns.join(', ')}`)}" loading="lazy"></figure>`;
  });
  return section('Pictures', '<p>A column for each method, a line for each noise.</p>', ...figures);
}

function duelsSection({ duels }: EvaluationResult): string {
  if (duels === null || duels.margins.length === 0) return '';
  const rows = duels.margins.map(({ against, margin }) => [escaped(against), interval(margin, 1, 1)]);
  return section(`Win margin of ${escaped(duels.subject)}`, table(['against', 'margin'], rows));
}

function visionSection(vision: VisionResult | null): string {
  if (vision === null) return '';
  const rows = vision.against.map(({ method, pairs, wins, ties, margin, marks }) => [
    escaped(method),
    String(pairs),
    String(wins),
    String(ties),
    interval(margin, 1, 1),
    ...Object.values(marks).map(([subject, other]) => `${subject.toFixed(2)} / ${other.toFixed(2)}`),
  ]);
  return section(
    `${escaped(vision.subject)} before ${escaped(vision.model)}`,
    '<p>Each pair in both orders; marks are means, of this method and of the other.</p>',
    table(['against', 'pairs', 'won', 'ties', 'margin', 'integration', 'consistency', 'accuracy', 'quality'], rows),
  );
}

function methodsSection({ methods }: EvaluationResult): string {
  const rows = methods.map(({ name, title, composition, steps }) => [
    escaped(name),
    `<span class="words">${escaped(title)}</span>`,
    String(steps),
    `<code class="words">${escaped(composition === null ? 'no LoRA' : JSON.stringify(composition))}</code>`,
  ]);
  return section('Methods', table(['name', 'what it is', 'steps', 'composition'], rows, 2));
}

const READING = section(
  'How to read this',
  `<p><b>CLIPScore</b> is 100 max(cos, 0) of a picture and the triggers of its set. <b>Gap</b> puts it between the model without LoRAs (0) and true renderings (100). <b>Recall</b> is the share of the set's concepts that the judge of concepts finds; <b>all found</b>, the share of pictures that have them all. <b>Strangers</b> are concepts found that no LoRA of the set stands for. <b>Leakage</b> is the share of the LoRAs' habits that show though nobody asked; read it against the row without LoRAs. <b>Binding</b> is the share of what the concepts fix (a brown bear) that is as it should.</p>`,
  `<p>Of two pictures of one set and noise the one with more concepts found <b>wins</b>; if as many, the one with the higher CLIPScore, unless they are within the tie. The margin is wins less losses in percent of pairs. <b>KID</b> is the unbiased kernel distance to the true renderings of the same sets, under a cubic kernel on the CLIP's unit embeddings; it compares with other rows and with nobody else's KID.</p>`,
  `<p><b>Intervals</b> are a bootstrap over sets of LoRAs, 2,000 draws, each number of LoRAs by itself. <b>Passes</b> are rows of the U-Net, both guidance halves counted; full passes weigh a reuse pass by its multiplications. <b>Seconds</b> are of the wall, one picture at a time, as busy as the machine was. <b>Peak</b> is the most that the process held while a picture was drawn; the runtime keeps what it once took, so a method that comes after a hungry one shows that one's peak too.</p>`,
);

function section(title: string, ...content: readonly string[]): string {
  return `<section>\n<h2>${title}</h2>\n${content.join('\n')}\n</section>`;
}

/** `words` is how many leading columns hold words. */
function table(head: readonly string[], rows: readonly (readonly string[])[], words = 1): string {
  const cells = (tag: string, line: readonly string[]): string =>
    line.map((cell, index) => `<${tag}${index > 0 && index < words ? ' class="words"' : ''}>${cell}</${tag}>`).join('');
  const lines = rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('\n');
  return `<div class="scroll"><table>\n<tr>${cells('th', head.map(escaped))}</tr>\n${lines}\n</table></div>`;
}

function interval(value: Interval | null, scale: number, decimals: number, suffix = ''): string {
  if (value === null) return '';
  const shown = (number: number): string => fixed(scale * number, decimals);
  // A single set of some size: there is a mean, and nothing is known of how sets differ.
  if (Number.isNaN(value.lo)) return shown(value.mean) + suffix;
  return `${shown(value.mean)}${suffix}<small>${shown(value.lo)} to ${shown(value.hi)}</small>`;
}

function plain(value: number | null, decimals: number): string {
  return value === null ? '' : fixed(value, decimals);
}

/** With a minus that is as wide as a digit, and no negative nought. */
function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '\u2212');
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(words: string): string {
  return words.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
