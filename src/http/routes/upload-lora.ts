import type { MultipartFile } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ServiceError } from '../../contract/errors.ts';
import { LIMITS } from '../../contract/limits.ts';
import type { InstalledLora, LoraUploads } from '../../service/lora-uploads.ts';
import { announcedSha256 } from '../digest.ts';
import { registerUploads } from '../plugins/uploads.ts';

/**
 * A LoRA's file: as multipart/form-data with a part `file` and fields beside it, or as application/octet-stream with its hash in a
 * digest header and the fields in the query. 201 with its receipt; 200 where the same file was there under this id.
 */
export async function uploadLora(app: FastifyInstance, uploads: LoraUploads): Promise<void> {
  await app.register(async (scope) => {
    await registerUploads(scope);
    scope.post('/v1/loras', async (request, reply) => {
      const { record, receipt, isNew } = await (request.isMultipart() ? fromForm : fromBody)(request, uploads);
      reply.header('location', `/v1/loras/${record.id}`);
      return reply.code(isNew ? 201 : 200).send({ ...record, source: 'upload', ...receipt });
    });
  });
}

async function fromBody(request: FastifyRequest, uploads: LoraUploads): Promise<InstalledLora> {
  const sha256 = announcedSha256(request.headers);
  if (sha256 === undefined) {
    throw new ServiceError('invalid_request', 'Repr-Digest is missing; must be sha-256=:...: with the hash in base64');
  }
  const { triggers, metadata, ...fields } = (request.query ?? {}) as Readonly<Record<string, unknown>>;
  const upload = { ...fields, ...listField('triggers', triggers), ...objectField('metadata', metadata), sha256 };
  const file = await uploads.receive(request.body as AsyncIterable<Uint8Array>);
  try {
    return await uploads.install(request.caller, file, upload);
  } finally {
    await file.discard();
  }
}

async function fromForm(request: FastifyRequest, uploads: LoraUploads): Promise<InstalledLora> {
  const fields: Record<string, unknown> = {};
  const triggers: string[] = [];
  let received: Awaited<ReturnType<LoraUploads['receive']>> | undefined;
  let fileName: string | undefined;
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        if (received !== undefined || part.fieldname !== 'file') throw unexpectedFile(part);
        fileName = part.filename;
        received = await uploads.receive(part.file);
      } else if (part.fieldname === 'triggers') {
        triggers.push(String(part.value));
      } else {
        Object.assign(fields, { [part.fieldname]: part.value });
      }
    }
    if (received === undefined)
      throw new ServiceError('invalid_request', 'the form has no file; must have a part "file"');
    const { metadata, ...rest } = fields;
    const upload = { ...rest, ...listField('triggers', triggers), ...objectField('metadata', metadata) };
    return await uploads.install(request.caller, received, upload, fileName);
  } finally {
    await received?.discard();
  }
}

function unexpectedFile({ fieldname }: MultipartFile): ServiceError {
  return new ServiceError('invalid_request', `the form has a file "${fieldname.slice(0, 40)}"; must have one, "file"`);
}

/** A field that may come several times. */
function listField(name: string, value: unknown): Readonly<Record<string, unknown>> {
  const list = value === undefined ? [] : [value].flat();
  return list.length === 0 ? {} : { [name]: list.slice(0, LIMITS.triggers + 1) };
}

/** A field of text that holds a JSON object. */
function objectField(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  try {
    return { [name]: JSON.parse(String(value)) };
  } catch (cause) {
    throw new ServiceError('invalid_request', `${name} is not JSON; must be a JSON object of texts`, { cause });
  }
}
