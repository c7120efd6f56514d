import { parseProfileRequest } from '../../contract/profile-request.ts';
import type { InstalledLora, LoraUploads } from '../../service/lora-uploads.ts';
import type { InspectedLora, ListedLora, Loras } from '../../service/loras.ts';
import { pageLimit } from '../../service/page-limit.ts';
import type { UnaryAnswer, UploadAnswer } from '../handlers.ts';

/** LoraService: the use cases of HTTP's /v1/loras, with a LoRA's receipt as a message of its own. */

export function listLoras(loras: Loras): UnaryAnswer<{ readonly limit?: number; readonly after?: string }> {
  return async (caller, { limit, after = '' }) => {
    const page = await loras.list(caller, { limit: pageLimit(limit), after });
    return { loras: page.loras.map(loraToWire), next: page.next ?? '' };
  };
}

export function getLora(loras: Loras): UnaryAnswer<{ readonly id?: string; readonly model?: string }> {
  return async (caller, { id = '', model }) => inspectedToWire(await loras.inspect(caller, id, model));
}

export function measureProfile(
  loras: Loras,
): UnaryAnswer<{ readonly id?: string; readonly model?: string; readonly [setting: string]: unknown }> {
  return async (caller, { id = '', model, ...settings }) => {
    const { prompts, seeds: seedCount, steps } = parseProfileRequest(settings);
    return loras.measure(caller, id, model, { prompts, seedCount, steps });
  };
}

export function deleteLora(uploads: LoraUploads): UnaryAnswer<{ readonly id?: string }> {
  return async (caller, { id = '' }) => {
    await uploads.remove(caller, id);
    return {};
  };
}

/** The hash is required: gRPC has no other word for a file that ended early. */
export function uploadLora(uploads: LoraUploads): UploadAnswer {
  return async (sender, start, content) => {
    const file = await uploads.receive(sender, content);
    try {
      return installedToWire(await uploads.install(sender, file, { sha256: '', ...start }));
    } finally {
      await file.discard();
    }
  };
}

function loraToWire(lora: ListedLora): object {
  return lora.source === 'folder' ? lora : { ...lora, category: lora.category ?? '' };
}

function installedToWire({ record, receipt }: InstalledLora): object {
  return { ...loraToWire({ ...record, source: 'upload' }), receipt: { id: record.id, ...receipt } };
}

/** One value over HTTP, where the receipt's fields lie beside the record's. */
function inspectedToWire(lora: InspectedLora): object {
  return { ...loraToWire(lora), receipt: lora };
}
