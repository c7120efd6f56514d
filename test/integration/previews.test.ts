import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PREVIEW_BYTES_MAX } from '../../src/files/encode-preview.ts';
import { openGrpcClient } from '../../src/grpc/client.ts';
import { allEvents } from '../support/read-events.ts';
import { jsonOf, postJson, SMALL_REQUEST, startTestService, type TestService } from '../support/test-service.ts';

/** Pictures in the making, from a real engine to the reader of a stream. */

let service: TestService;

beforeAll(async () => {
  service = await startTestService();
});

afterAll(() => service?.close());

const REQUEST = { ...SMALL_REQUEST, width: 128, height: 192, steps: 20 };

async function generate(change: object) {
  const { id } = await jsonOf(postJson(`${service.httpUrl}/v1/generations`, { ...REQUEST, ...change }));
  const events = await allEvents(await fetch(`${service.httpUrl}/v1/generations/${id}/events`));
  const file = Buffer.from(await (await fetch(`${service.httpUrl}/v1/generations/${id}/images/0`)).arrayBuffer());
  return { id, file, previews: events.filter(({ name }) => name === 'preview').map(({ data }) => data) };
}

/** Red, green and blue at one pixel a latent cell, each less its mean. */
async function coarse(file: Buffer): Promise<readonly number[]> {
  const options = { width: 16, height: 24, kernel: 'cubic', fit: 'fill' } as const;
  const pixels = await sharp(file).removeAlpha().resize(options).raw().toBuffer();
  const means = [0, 1, 2].map((c) => pixels.reduce((sum, value, i) => sum + (i % 3 === c ? value : 0), 0) / 384);
  return [...pixels].map((value, i) => value - (means[i % 3] ?? 0));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test('previews are small pictures that come to look like the final one', async () => {
  const { file, previews } = await generate({ preview: { every_steps: 6 } });
  expect(previews.map(({ step }) => step)).toEqual([6, 12, 18]);
  const final = await coarse(file);
  const likeness: number[] = [];
  for (const { data, width, height, content_type: type } of previews) {
    const bytes = Buffer.from(String(data), 'base64');
    expect(bytes.length).toBeLessThanOrEqual(PREVIEW_BYTES_MAX);
    expect({ type, width, height }).toEqual({ type: 'image/webp', width: 160, height: 240 });
    likeness.push(correlation(await coarse(bytes), final));
  }
  // The golden decoder's weights are random, and a cell's colour is mostly its neighbours'; a trained one reaches 0.86.
  expect(likeness.at(-1)).toBeGreaterThan(0.2);
});

test('a request with previews gives the file of one without', async () => {
  const [plain, watched] = [await generate({}), await generate({ preview: { every_steps: 1 } })];
  expect(plain.previews).toEqual([]);
  expect(watched.previews).toHaveLength(REQUEST.steps - 1);
  expect(createHash('sha256').update(watched.file).digest('hex')).toBe(
    createHash('sha256').update(plain.file).digest('hex'),
  );
});

test('gRPC carries the same previews as bytes', async () => {
  const { id, previews } = await generate({ preview: { every_steps: 5 } });
  const grpc = openGrpcClient(service.grpcAddress);
  const seen = [];
  for await (const { preview } of grpc.events('Watch', { id })) if (preview !== undefined) seen.push(preview);
  grpc.close();
  expect(seen.map(({ data }) => data.toString('base64'))).toEqual(previews.map(({ data }) => data));
  expect(seen[0]).toMatchObject({ step: 5, content_type: 'image/webp', width: 160, height: 240 });
});
