import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { expect, test } from 'vitest';

/**
 * Holds the layers: what each folder of `src` may import, no cycles, no dead files. Nothing about size or taste. Type-only imports
 * count too. To change the table, change it in the commit that needs it.
 */

const SRC = join(import.meta.dirname, '../src');

/** Folder -> folders it may import (its own always), and packages from outside. `node:` stands for Node's own modules. */
const LAYERS: Record<string, { readonly folders: readonly string[]; readonly packages: readonly string[] }> = {
  core: { folders: [], packages: [] },
  compiler: { folders: ['core'], packages: [] },
  contract: { folders: ['core'], packages: ['typebox'] },
  config: { folders: ['core', 'contract'], packages: ['node:'] },
  telemetry: { folders: [], packages: ['pino', 'prom-client', '@opentelemetry/', 'node:'] },
  pipeline: { folders: ['core', 'contract'], packages: [] },
  files: { folders: ['core', 'compiler', 'contract'], packages: ['node:', 'sharp'] },
  queue: { folders: ['contract', 'telemetry'], packages: ['bullmq', 'ioredis', 'node:'] },
  store: { folders: ['contract', 'telemetry'], packages: ['ioredis', '@aws-sdk/', 'node:'] },
  evaluation: { folders: ['core', 'contract', 'pipeline', 'files'], packages: ['node:', 'sharp'] },
  engine: {
    folders: ['core', 'compiler', 'contract', 'pipeline', 'files', 'telemetry'],
    packages: ['onnxruntime-node', '@huggingface/tokenizers', 'node:'],
  },
  service: {
    folders: ['core', 'contract', 'pipeline', 'files', 'queue', 'store', 'telemetry'],
    packages: ['node:'],
  },
  worker: { folders: ['contract', 'pipeline', 'files', 'queue', 'store', 'telemetry'], packages: ['node:'] },
  // Of core, names only: what answers look like is said to the letter.
  http: {
    folders: ['core', 'contract', 'service', 'telemetry'],
    packages: ['fastify', '@fastify/', '@bull-board/', 'typebox', 'node:'],
  },
  grpc: { folders: ['contract', 'service', 'telemetry'], packages: ['@grpc/', 'grpc-health-check', 'node:'] },
  cli: { folders: ['*'], packages: ['node:'] },
  main: { folders: ['*'], packages: ['node:', 'fastify', 'ioredis', 'pino'] },
};

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly imports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({
    path,
    folder: path.split('/')[0] ?? '',
    imports: importsOf(readFileSync(join(SRC, path), 'utf8')),
  }));

function importsOf(text: string): string[] {
  const statement =
    /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)|(?:^|\n)import '([^']+)'/g;
  return [...text.matchAll(statement)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The path of a relative import below `src`; undefined for a package. */
function resolveImport(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? normalize(join(dirname(file.path), specifier)) : undefined;
}

function isAllowed(file: SourceFile, specifier: string): boolean {
  const layer = LAYERS[file.folder];
  if (layer === undefined) return false;
  const target = resolveImport(file, specifier);
  if (target === undefined) return layer.packages.some((name) => specifier === name || specifier.startsWith(name));
  const folder = target.split('/')[0] ?? '';
  return folder === file.folder || layer.folders.includes('*') || layer.folders.includes(folder);
}

test('every file of src lies in a folder of the table and imports only what the table allows', () => {
  const wrong = files.flatMap((file) =>
    file.imports
      .filter((specifier) => !isAllowed(file, specifier))
      .map((specifier) => `${file.path} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('no import leads back to where it came from', () => {
  const edges = new Map(
    files.map((file) => [file.path, file.imports.flatMap((name) => resolveImport(file, name) ?? [])]),
  );
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (finished.has(path) || trail.includes(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const file of files) visit(file.path, []);
  expect(cycles).toEqual([]);
});

test('every file of src is reached from a program in main or cli', () => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const reach = (path: string): void => {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) return;
    reached.add(path);
    for (const specifier of file.imports) {
      const target = resolveImport(file, specifier);
      if (target !== undefined) reach(target);
    }
  };
  for (const file of files) if (file.folder === 'main' || file.folder === 'cli') reach(file.path);
  expect(files.map((file) => file.path).filter((path) => !reached.has(path))).toEqual([]);
});

test('tests of units lie where their source lies', () => {
  const unit = join(import.meta.dirname, 'unit');
  const strays = readdirSync(unit, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => !files.some((file) => file.path === relative('.', path.replace('.test.ts', '.ts'))));
  expect(strays).toEqual([]);
});
