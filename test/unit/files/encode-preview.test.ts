import sharp from 'sharp';
import { expect, test } from 'vitest';
import { encodePreview, PREVIEW_BYTES_MAX } from '../../../src/files/encode-preview.ts';
import { seededRandom } from '../../support/random.ts';

test.each([
  [64, 64, 256, 256],
  [8, 12, 168, 252],
  [128, 128, 256, 256],
])('noise of %i x %i cells becomes %i x %i pixels in less than the bound', async (width, height, toWidth, toHeight) => {
  const random = seededRandom(1);
  const pixels = new Uint8Array(3 * width * height).map(() => random.below(256));
  const preview = await encodePreview({ width, height, pixels });
  expect(preview).toMatchObject({ content_type: 'image/webp', width: toWidth, height: toHeight });
  expect(preview.bytes.length).toBeLessThanOrEqual(PREVIEW_BYTES_MAX);
  expect(await sharp(preview.bytes).metadata()).toMatchObject({ format: 'webp', width: toWidth, height: toHeight });
});
