import { createHash } from 'node:crypto';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServiceError } from '../../../../src/contract/errors.ts';
import { LOCAL } from '../../../../src/contract/principal.ts';
import { registerErrors } from '../../../../src/http/plugins/errors.ts';
import { registerShapes } from '../../../../src/http/plugins/openapi.ts';
import { uploadLora } from '../../../../src/http/routes/upload-lora.ts';
import type { LoraUploads } from '../../../../src/service/lora-uploads.ts';

/** The route alone: what it makes of a body. What is done with a LoRA is tested on a whole service. */

let app: FastifyInstance;
let seen: { upload: unknown; fileName: string | undefined; bytes: number }[];
let discarded: number;

const uploads: LoraUploads = {
  async receive(_sender, content) {
    let bytes = 0;
    for await (const piece of content) bytes += piece.length;
    if (bytes > 100_000) throw new ServiceError('body_too_large', 'too large');
    return {
      ...{ path: '', sha256: '', bytes },
      discard: async () => {
        discarded++;
      },
    };
  },
  async install(_sender, { bytes }, upload, fileName) {
    seen.push({ upload, fileName, bytes });
    return { record: { id: 'ink' } as never, receipt: {} as never, isNew: true };
  },
  remove: async () => {},
};

beforeEach(async () => {
  [seen, discarded] = [[], 0];
  app = Fastify();
  registerErrors(app);
  registerShapes(app);
  app.decorateRequest('caller');
  app.addHook('onRequest', async (request) => {
    request.caller = LOCAL;
  });
  await uploadLora(app, uploads);
});

afterEach(() => app.close());

const BOUNDARY = 'x';
const field = (name: string, value: string) =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const file = (content: string, name = 'file', fileName = 'ink.safetensors') =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"; filename="${fileName}"\r\n\r\n${content}\r\n`;
const END = `--${BOUNDARY}--\r\n`;

async function post(payload: string, type = `multipart/form-data; boundary=${BOUNDARY}`, headers = {}, query = '') {
  const response = await app.inject({
    method: 'POST',
    url: `/v1/loras${query}`,
    payload,
    headers: { 'content-type': type, ...headers },
  });
  return { status: response.statusCode, ...(response.json() as { code?: string; detail?: string }) };
}

test('a form may have its parts in any order, and its file once', async () => {
  const fields =
    field('id', 'ink') + field('triggers', 'a') + field('triggers', 'b') + field('metadata', '{"by":"Ann"}');
  const upload = { id: 'ink', triggers: ['a', 'b'], metadata: { by: 'Ann' } };
  expect(await post(fields + file('1234') + END)).toMatchObject({ status: 201 });
  expect(await post(file('1234') + fields + END)).toMatchObject({ status: 201 });
  expect(seen).toEqual([1, 2].map(() => ({ upload, fileName: 'ink.safetensors', bytes: 4 })));
  expect(await post(file('1') + file('2') + END)).toMatchObject({
    status: expect.toSatisfy((code) => code >= 400 && code < 500),
  });
  expect(discarded).toBe(3);
});

test.each([
  ['no file', field('id', 'ink') + END],
  ['a file of another name', file('1234', 'lora') + END],
  ['metadata that is not JSON', field('metadata', '{') + file('1') + END],
  ['a form that breaks off', file('1234').slice(0, -10)],
  ['a form without an end', file('1234')],
  ['nothing at all', ''],
  ['something else', 'hello'],
  ['a field of a prototype', field('__proto__', 'x') + file('1') + END],
  ['two hundred fields', field('id', 'ink').repeat(200) + file('1') + END],
  ['a field that is large', field('id', 'x'.repeat(100_000)) + file('1') + END],
  ['a file that is larger than allowed', file('x'.repeat(200_000)) + END],
])('%s is the fault of who sent it, and keeps nothing', async (_, body) => {
  const { status, code } = await post(body);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(500);
  expect(code).toBeDefined();
  expect(seen).toEqual([]);
});

test.each(['multipart/form-data', 'multipart/form-data; boundary=', 'application/json', 'text/plain', 'x'])(
  'a body of type %s is refused',
  async (type) => {
    const { status } = await post(file('1') + END, type);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  },
);

test('raw bytes need a digest, and take their fields from the query', async () => {
  const type = 'application/octet-stream';
  const digest = { 'repr-digest': `sha-256=:${createHash('sha256').update('1234').digest('base64')}:` };
  expect(await post('1234', type)).toMatchObject({
    status: 422,
    detail: expect.stringContaining('Repr-Digest is missing'),
  });
  expect(await post('1234', type, digest, '?id=ink&triggers=a&metadata=%7B%22by%22:%22Ann%22%7D')).toMatchObject({
    status: 201,
  });
  const sha256 = createHash('sha256').update('1234').digest('hex');
  expect(seen).toEqual([
    { upload: { id: 'ink', triggers: ['a'], metadata: { by: 'Ann' }, sha256 }, fileName: undefined, bytes: 4 },
  ]);
  expect((await post('', type, digest)).status).toBeLessThan(500);
});
