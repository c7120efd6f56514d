/**
 * Where each kind of picture carries its recipe: a text chunk in PNG, an XMP packet in WebP and JPEG, which is what programs that know
 * nothing of Overtone show as the picture's metadata. Reading believes nothing: the file may come from anyone.
 */
export interface RecipeCarrier {
  /** By its first bytes. */
  isOwn(file: Uint8Array): boolean;
  /** The same picture with the recipe in it; the same bytes each time. `file` comes from our own encoder and has none. */
  embed(file: Uint8Array, recipe: string): Uint8Array;
  /** Undefined where there is none, or the file is damaged. */
  read(file: Uint8Array): string | undefined;
  /** Bytes of UTF-8 that it takes. Null where that is two gigabytes: thousands of times what a request's body may have. */
  readonly recipeBytesMax: number | null;
}
