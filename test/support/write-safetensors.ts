import { writeFileSync } from 'node:fs';

/** Writes a file of F32 tensors, for tests that need one on disk. */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, { readonly dims: readonly number[]; readonly values: readonly number[] }>>,
): void {
  let end = 0;
  const entries = Object.entries(tensors).map(([name, { dims, values }]) => {
    const start = end;
    end += 4 * values.length;
    return [name, { dtype: 'F32', shape: dims, data_offsets: [start, end] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  const data = Float32Array.from(Object.values(tensors).flatMap(({ values }) => values));
  writeFileSync(path, Buffer.concat([length, header, Buffer.from(data.buffer)]));
}
