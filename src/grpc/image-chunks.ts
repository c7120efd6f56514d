import type { ImageResult } from '../contract/generation-result.ts';

/** Well below the 4 MiB at which a gRPC client refuses a message unless it is told otherwise. */
const CHUNK_BYTES = 1024 * 1024;

/** A picture's file as GenerationEvents with an `image_chunk`. They have no resume token: they come again with `completed`. */
export function* imageChunks(id: string, image: ImageResult, bytes: Uint8Array): Generator<object> {
  for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
    yield {
      id,
      image_chunk: {
        image: image.index,
        content_type: image.content_type,
        total_bytes: bytes.length,
        offset,
        data: bytes.subarray(offset, offset + CHUNK_BYTES),
      },
    };
  }
}
