import type { GenerationResult, NamedReceipt } from '../contract/generation-result.ts';

/** What the demo says of a result: receipts, plan and times, as text and as one JSON line. Pure. */

export function report(result: GenerationResult): string {
  return [
    '',
    'LoRAs',
    ...table(result.loras.map(receiptRow)),
    '',
    'Plan, one column for each step: # leads, o leads from its cache, + whole pass, . from its cache',
    ...planRows(result),
    ...costLines(result),
    '',
    'Time',
    ...table(timeRows(result)),
    ...result.warnings.map((warning) => `Note: ${warning}`),
  ].join('\n');
}

/** The picture's name, hashes and size, and what a program would check. */
export function jsonLine(options: {
  readonly result: GenerationResult;
  readonly path: string;
  readonly seconds: number;
}): string {
  const { result, path, seconds } = options;
  const [image] = result.images;
  if (image === undefined) throw new Error('a completed generation has a picture');
  const { sha256, pixels_sha256, width, height } = image;
  const loras = result.loras.map((receipt) => ({
    id: receipt.id,
    format: receipt.format,
    sha256: receipt.sha256,
    matched: matchedCount(receipt),
    unmatched: receipt.unmatched.length,
    ranks: receipt.ranks,
    alphas: receipt.alphas,
  }));
  return JSON.stringify({
    image: path,
    sha256,
    pixels_sha256,
    width,
    height,
    seconds: Math.round(seconds * 1000) / 1000,
    loras,
    passes: result.passes,
  });
}

function receiptRow(receipt: NamedReceipt): readonly string[] {
  const { unet, text_encoder } = receipt.matched;
  return [
    receipt.id,
    receipt.format,
    `${unet.length} layers of the U-Net, ${text_encoder.length} of the text encoder`,
    receipt.unmatched.length === 0 ? 'every key matched' : `${receipt.unmatched.length} keys unmatched`,
    `rank ${receipt.ranks.join(', ')}`,
    `alpha ${receipt.alphas.join(', ')}`,
  ];
}

function matchedCount({ matched }: NamedReceipt): number {
  return matched.unet.length + matched.text_encoder.length;
}

function planRows({ plan, request }: GenerationResult): readonly string[] {
  return table(
    request.loras.map(({ id, frequency_class }) => {
      const marks = plan.map(({ leader, reuse }) => {
        if (leader === id) return reuse.includes(id) ? 'o' : '#';
        return reuse.includes(id) ? '.' : '+';
      });
      return [id, frequency_class, marks.join('')];
    }),
  );
}

function costLines({ passes, device }: GenerationResult): readonly string[] {
  const rows = passes.full + passes.reuse;
  const share = rows === 0 ? 0 : Math.round((100 * passes.reuse) / rows);
  return [`  U-Net rows on ${device}: ${passes.full} whole and ${passes.reuse} from a cache (${share} % of ${rows})`];
}

function timeRows({ timings }: GenerationResult): readonly (readonly string[])[] {
  const stages: readonly (readonly [string, number])[] = [
    ['waiting', timings.queued_ms],
    ['reading the LoRAs', timings.load_loras_ms],
    ['text encoder', timings.encode_text_ms],
    ['denoising', timings.denoise_ms],
    ['VAE decoder', timings.decode_ms],
    ['writing the PNG', timings.encode_image_ms],
  ];
  return stages.map(([stage, milliseconds]) => [stage, `${milliseconds.toFixed(0).padStart(6)} ms`]);
}

/** Rows with their columns aligned, indented by two. */
function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
}
