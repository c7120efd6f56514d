/**
 * How a picture is written. `quality` is the encoder's own scale, 1 to 100; a PNG keeps every pixel and has none. `metadata` is there
 * only where the file is to carry no recipe: a recipe that lies in a file need not say so.
 */
export type Output = ({ readonly format: 'png' } | { readonly format: 'webp' | 'jpeg'; readonly quality: number }) & {
  readonly metadata?: false;
};

export const OUTPUT_FORMATS = ['png', 'webp', 'jpeg'] as const satisfies readonly Output['format'][];
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Hardly to be told from the PNG by eye, at a tenth of its size. */
export const DEFAULT_QUALITY = 90;

export const CONTENT_TYPES = {
  png: 'image/png',
  webp: 'image/webp',
  jpeg: 'image/jpeg',
} as const satisfies Readonly<Record<OutputFormat, string>>;

export type ImageContentType = (typeof CONTENT_TYPES)[OutputFormat];

/** The output of a request with its defaults. */
export function resolveOutput(
  asked: { readonly format?: OutputFormat; readonly quality?: number; readonly metadata?: boolean } = {},
): Output {
  const { format = 'png', quality = DEFAULT_QUALITY, metadata = true } = asked;
  return { ...(format === 'png' ? { format } : { format, quality }), ...(!metadata && { metadata }) };
}
