import type { MultipartFile } from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import Type from 'typebox';
import { ServiceError } from '../../contract/errors.ts';
import { LIMITS } from '../../contract/limits.ts';
import { LORA_UPLOAD_SCHEMA } from '../../contract/lora-record.ts';
import type { InstalledLora, LoraUploads } from '../../service/lora-uploads.ts';
import { announcedSha256 } from '../digest.ts';
import { registerUploads } from '../plugins/uploads.ts';
import { BYTES, json } from '../shapes/answer.ts';
import { INSTALLED_LORA } from '../shapes/lora.ts';
import { REQUEST_PROBLEMS } from '../shapes/problems-of.ts';

/**
 * A LoRA's file: as multipart/form-data with a part `file` and fields beside it, or as application/octet-stream with its hash in a
 * digest header and the fields in the query. 201 with its receipt; 200 where the same file was there under this id.
 */
export async function uploadLora(app: FastifyInstance, uploads: LoraUploads): Promise<void> {
  await app.register(async (scope) => {
    await registerUploads(scope);
    scope.post('/v1/loras', { schema: SCHEMA }, async (request, reply) => {
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
  const file = await uploads.receive(request, request.body as AsyncIterable<Uint8Array>);
  try {
    return await uploads.install(request, file, upload);
  } finally {
    await file.discard();
  }
}

async function fromForm(request: FastifyRequest, uploads: LoraUploads): Promise<InstalledLora> {
  const form: Form = { fields: {}, triggers: [] };
  try {
    await readForm(request, form, uploads);
    const { fields, triggers, file, fileName } = form;
    if (file === undefined) throw new ServiceError('invalid_request', 'the form has no file; must have a part "file"');
    const { metadata, ...rest } = fields;
    const upload = { ...rest, ...listField('triggers', triggers), ...objectField('metadata', metadata) };
    return await uploads.install(request, file, upload, fileName);
  } finally {
    await form.file?.discard();
  }
}

interface Form {
  readonly fields: Record<string, unknown>;
  readonly triggers: string[];
  file?: Awaited<ReturnType<LoraUploads['receive']>>;
  fileName?: string;
}

/** Part by part, in whatever order they come. What is received is in `form` also where this throws. */
async function readForm(request: FastifyRequest, form: Form, uploads: LoraUploads): Promise<void> {
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        if (form.file !== undefined || part.fieldname !== 'file') throw unexpectedFile(part);
        form.fileName = part.filename;
        form.file = await uploads.receive(request, part.file);
      } else if (part.valueTruncated) {
        throw new ServiceError('body_too_large', `the form's field "${part.fieldname.slice(0, 40)}" is too large`);
      } else if (part.fieldname === 'triggers') {
        form.triggers.push(String(part.value));
      } else {
        form.fields[part.fieldname] = part.value;
      }
    }
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause;
    // The parser's own errors; nothing else in here throws any other.
    throw new ServiceError('malformed_form', cause instanceof Error ? cause.message : String(cause), { cause });
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
  // A part of a form may say that it is JSON, and is parsed then.
  if (typeof value === 'object') return { [name]: value };
  try {
    return { [name]: JSON.parse(String(value)) };
  } catch (cause) {
    throw new ServiceError('invalid_request', `${name} is not JSON; must be a JSON object of texts`, { cause });
  }
}

const { metadata: _, ...TEXT_FIELDS } = LORA_UPLOAD_SCHEMA.properties;
/** Any bytes, which only a form that has it can be. */
const FILE = Type.Unsafe<unknown>(BYTES);
const METADATA = Type.Optional(Type.String({ description: 'A JSON object of texts.' }));
const UPLOAD_HEADERS = { location: 'Where the LoRA is.' };

const SCHEMA: FastifySchema = {
  operationId: 'uploadLora',
  tags: ['loras'],
  summary: 'Upload a LoRA',
  description:
    'As a form with a part `file` and fields beside it; or the bytes alone, with their hash in `Repr-Digest` (`sha-256=:base64:`) and the fields in the query.',
  querystring: Type.Object({ ...TEXT_FIELDS, metadata: METADATA }),
  headers: Type.Object({
    'repr-digest': Type.Optional(Type.String({ description: 'Needed where the body is the bytes alone.' })),
  }),
  body: {
    content: {
      'multipart/form-data': { schema: Type.Object({ ...TEXT_FIELDS, metadata: METADATA, file: FILE }) },
      'application/octet-stream': { schema: BYTES },
    },
  },
  response: {
    200: json('The same file was there under this id.', INSTALLED_LORA.ref, UPLOAD_HEADERS),
    201: json('It is in the registry.', INSTALLED_LORA.ref, UPLOAD_HEADERS),
  },
  'x-problems': [
    ...REQUEST_PROBLEMS,
    'malformed_form',
    'upload_cut_off',
    'digest_mismatch',
    'lora_exists',
    'registry_full',
    'busy',
    'storage_unavailable',
  ],
};
