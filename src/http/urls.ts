/** Where everything about a generation is found, relative to the server. */
export interface GenerationUrls {
  readonly self: string;
  readonly events: string;
  readonly cancel: string;
  /** Followed by `/` and an index: the pictures. */
  readonly images: string;
}

export function urlsOf(id: string): GenerationUrls {
  const self = `/v1/generations/${id}`;
  return { self, events: `${self}/events`, cancel: `${self}/cancel`, images: `${self}/images` };
}
