/**
 * A recipe as an XMP packet: one property in our own namespace (ISO 16684-1). XML has no word for two characters that JSON allows as
 * they are; those become escapes of JSON, which mean the same.
 */

const OPENING =
  '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">' +
  '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
  '<rdf:Description rdf:about="" xmlns:overtone="urn:overtone:ns:1#"><overtone:recipe>';
const CLOSING = '</overtone:recipe></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export function xmpOf(recipe: string): Buffer {
  const text = recipe
    .replace(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    .replace(/[&<>]/g, (character) => ENTITIES[character] ?? '');
  return Buffer.from(OPENING + text + CLOSING);
}

/** Undefined for a packet that we did not write. */
export function recipeOfXmp(packet: Buffer): string | undefined {
  const [, text] = /<overtone:recipe>([^<]*)<\/overtone:recipe>/.exec(packet.toString('utf8')) ?? [];
  return text?.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
