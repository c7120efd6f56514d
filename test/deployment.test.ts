import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { SCHEMA, type Setting } from '../src/config/schema.ts';
import { parseSettings } from '../src/config/settings.ts';
import { InputError } from '../src/core/problem.ts';
import { generateApiKey } from '../src/service/api-keys.ts';
import { createEngineMetrics } from '../src/telemetry/engine-metrics.ts';
import { createGatewayMetrics } from '../src/telemetry/gateway-metrics.ts';
import { createWorkerMetrics } from '../src/telemetry/worker-metrics.ts';

/**
 * Holds what is written outside the code to the code: images, compose files, manifests and pages may name only settings, programs and
 * metrics that exist, with values that are allowed; and every setting is explained.
 */

const ROOT = join(import.meta.dirname, '..');
const SETTINGS: readonly Setting[] = Object.values(SCHEMA);
const VARIABLES = SETTINGS.flatMap(({ env, secret }) => (secret ? [env, `${env}_FILE`] : [env]));

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const DEPLOYMENT = ['docker', 'deploy', '.github']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('secrets'))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  )
  .sort();
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter((path) =>
  path.endsWith('.md'),
);

test.each([...DEPLOYMENT, ...PAGES])('%s names only settings that exist', (path) => {
  const named = textOf(path).match(/\b(OVERTONE_[A-Z0-9_]+|REDIS_URL(_FILE)?)\b/g) ?? [];
  expect(named.filter((name) => !VARIABLES.includes(name) && name !== 'OVERTONE_TEST_LOG')).toEqual([]);
});

/** `NAME: value` and `NAME=value` of compose, images and kustomize, `{ name: NAME, value: value }` of Kubernetes. */
const ASSIGNMENT =
  /\b(OVERTONE_[A-Z0-9_]+|REDIS_URL(?:_FILE)?)(?::\s*|=|,\s*value:\s*)("[^"]*"|\$\{[^}]*\}|[^\s,}"]+)/g;

test.each(DEPLOYMENT.filter((path) => textOf(path).match(ASSIGNMENT)))('what %s sets is what may be set', (path) => {
  const environment = Object.fromEntries(
    [...textOf(path).matchAll(ASSIGNMENT)].map(([, name = '', value = '']) => [name, withDefault(value)]),
  );
  const readSecret = (file: string) => (file.includes('admin') ? generateApiKey() : 'rediss://:password@host:6379');
  expect(problemsOf(() => parseSettings(environment, [], readSecret))).toEqual([]);
});

/** What compose makes of `${NAME:-default}` and `${NAME:?what is missing, e.g. example}` where nobody sets the variable. */
function withDefault(value: string): string {
  const [, , otherwise] = value.match(/^\$\{(\w+):-([^}]*)\}$/) ?? [];
  const [, example] = value.match(/^\$\{\w+:\?[^}]*e\.g\. ([^}]*)\}$/) ?? [];
  return otherwise ?? example ?? value.replaceAll('"', '');
}

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

test.each(DEPLOYMENT)('%s starts only programs that exist', (path) => {
  const programs = [...textOf(path).matchAll(/dist\/([\w/-]+)\.js/g)].map(([, name]) => `${name}.ts`);
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  expect(programs.filter((name) => !sources.includes(name))).toEqual([]);
});

test('compose and the workflow build only targets that the Dockerfile has', () => {
  const stages = [...textOf('docker/Dockerfile').matchAll(/^FROM .* AS ([\w-]+)$/gm)].map(([, name]) => name);
  const targets = DEPLOYMENT.flatMap((path) =>
    [...textOf(path).matchAll(/(?:--target |\btarget: )([a-z-]+)/g)].map(([, name]) => name),
  ).filter((name) => name !== 'build');
  expect(targets.length).toBeGreaterThan(0);
  expect(targets.filter((name) => !stages.includes(name))).toEqual([]);
});

test.each(DEPLOYMENT)('%s asks only for metrics that exist', async (path) => {
  const registries = [createGatewayMetrics(), createWorkerMetrics(), createEngineMetrics()].map(
    (each) => each.registry,
  );
  const existing = registries.flatMap((registry) => registry.getMetricsAsArray().map(({ name }) => name));
  const asked = textOf(path).match(/\bovertone_[a-z0-9_]+/g) ?? [];
  expect(asked.filter((name) => !existing.includes(name.replace(/_(bucket|sum|count)$/, '')))).toEqual([]);
});

test('the CUDA image takes the provider of the very ONNX Runtime that the lock file holds', () => {
  const { packages } = JSON.parse(textOf('package-lock.json'));
  const [, version] = textOf('docker/cuda-requirements.txt').match(/^onnxruntime-gpu==(\S+)/m) ?? [];
  expect(version).toBe(packages['node_modules/onnxruntime-node'].version);
});

test('docs/settings.md explains every setting (vitest run -u test/deployment.test.ts writes it anew)', async () => {
  const rows = SETTINGS.map(({ env, flag, kind, fallback, secret, meaning }) => {
    const cells = [
      `\`${env}\`${secret ? `, \`${env}_FILE\`` : ''}`,
      `\`${flag}\``,
      allowed(kind),
      fallback === undefined ? '' : `\`${fallback}\``,
      meaning,
    ];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const page = `# Settings

Of every program, from \`src/config/schema.ts\`: as a variable, or as a flag, which wins. A secret may lie in a file that the variable
with \`_FILE\`, or the flag with \`-file\`, names. An empty variable is one that is not set. Unknown flags and values that are not
allowed keep a program from starting; it says all that is wrong at once.

| variable | flag | value | default | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
  await expect(page).toMatchFileSnapshot('../docs/settings.md');
});

function allowed(kind: Setting['kind']): string {
  switch (kind.type) {
    case 'text':
      return 'text';
    case 'choice':
      return kind.of.map((choice) => `\`${choice}\``).join(', ');
    case 'pattern':
      return kind.allowed;
    case 'integer':
      return `${kind.min} to ${kind.max}`;
  }
}
