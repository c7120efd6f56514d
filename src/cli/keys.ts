import { parseArgs } from 'node:util';
import type { ShownApiKey } from '../contract/api-key.ts';
import type { ProblemDetails } from '../contract/errors.ts';
import { messageOf } from '../core/message-of.ts';
import { InputError } from '../core/problem.ts';
import { generateApiKey, type NewApiKey } from '../service/api-keys.ts';

/**
 * `overtone keys`: API keys of a running service, over its HTTP door and with its admin key. `generate` alone needs no service: it
 * makes the first key, which the service is given at its start.
 */

export const KEYS_USAGE = `usage: overtone keys generate
       overtone keys create --owner NAME [--scopes generate,registry,metrics,admin] [options]
       overtone keys list
       overtone keys rotate KID [--overlap SECONDS]
       overtone keys revoke KID

generate prints a new key and tells nobody: give it to the service as its admin key. The others ask a running service.

  --url URL                  where the service is (default: http://127.0.0.1:8080)
  --owner NAME               whose things the key opens; keys of one owner share everything
  --scopes LIST              what it allows (default: generate)
  --note TEXT                for people
  --expires-in SECONDS       default: never
  --requests-per-minute N    default: as the service's settings say
  --pictures-per-day N       default: as the service's settings say
  --overlap SECONDS          how long the old key works beside the new one (default: 86400)
  --json                     print the service's answer instead
  --help                     this text

The key to ask with: OVERTONE_ADMIN_KEY, or a file that OVERTONE_ADMIN_KEY_FILE names. A service that is open needs none.
`;

const OPTIONS = {
  url: { type: 'string', default: 'http://127.0.0.1:8080' },
  owner: { type: 'string' },
  scopes: { type: 'string', default: 'generate' },
  note: { type: 'string' },
  'expires-in': { type: 'string' },
  'requests-per-minute': { type: 'string' },
  'pictures-per-day': { type: 'string' },
  overlap: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

export interface KeysContext {
  readonly adminKey: string | undefined;
  readonly out: (text: string) => void;
}

/** Throws an InputError for what is wrong with the arguments, or what the service finds wrong. */
export async function runKeys(argv: readonly string[], { adminKey, out }: KeysContext): Promise<void> {
  const { values, positionals } = parse(argv);
  const [verb, kid] = positionals;
  const ask = (method: string, path: string, body?: object) =>
    askService({ url: values.url, adminKey, method, path, body });
  const print = (answer: unknown, text: string) => out(`${values.json ? JSON.stringify(answer) : text}\n`);

  if (values.help || verb === undefined) return out(KEYS_USAGE);
  if (verb === 'generate') return out(`${generateApiKey()}\n`);
  if (verb === 'list') {
    const { keys } = (await ask('GET', '/v1/keys')) as { readonly keys: readonly ShownApiKey[] };
    return print(keys, keys.length === 0 ? 'no keys' : keys.map(describe).join('\n'));
  }
  if (verb === 'create') {
    const added = (await ask('POST', '/v1/keys', {
      owner: values.owner,
      scopes: values.scopes.split(','),
      note: values.note,
      expires_in_s: numberOf(values['expires-in']),
      requests_per_minute: numberOf(values['requests-per-minute']),
      pictures_per_day: numberOf(values['pictures-per-day']),
    })) as NewApiKey;
    return print(added, added.key);
  }
  if (kid === undefined)
    throw badArguments(`overtone keys ${verb} needs the KID of a key; overtone keys list shows them`);
  const path = `/v1/keys/${encodeURIComponent(kid)}`;
  if (verb === 'revoke') {
    await ask('DELETE', path);
    return print({ revoked: kid }, `${kid} is revoked`);
  }
  const added = (await ask('POST', `${path}/rotate`, { overlap_s: numberOf(values.overlap) })) as NewApiKey;
  print(added, added.key);
}

const VERBS = ['generate', 'create', 'list', 'rotate', 'revoke'];

function parse(argv: readonly string[]) {
  try {
    const parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
    const [verb] = parsed.positionals;
    if (verb !== undefined && !VERBS.includes(verb)) {
      throw new Error(`overtone keys ${verb} is not a command; there are ${VERBS.join(', ')}`);
    }
    return parsed;
  } catch (error) {
    throw badArguments(messageOf(error));
  }
}

/** What is no number goes as it is: the service says what is wrong with it, in the words of every door. */
function numberOf(text: string | undefined): number | string | undefined {
  return text === undefined || !/^\d+$/.test(text) ? text : Number(text);
}

function describe({ kid, owner, scopes, expires_at, note }: ShownApiKey): string {
  const until = expires_at === null ? '' : `  until ${expires_at}`;
  return `${kid}  ${owner}  ${scopes.join(',')}${until}${note === '' ? '' : `  ${note}`}`;
}

async function askService(options: {
  readonly url: string;
  readonly adminKey: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly body: object | undefined;
}): Promise<unknown> {
  const { url, adminKey, method, path, body } = options;
  const headers: Record<string, string> = {
    ...(adminKey !== undefined && { authorization: `Bearer ${adminKey}` }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  let response: Response;
  try {
    response = await fetch(new URL(path, url), { method, headers, ...(body && { body: JSON.stringify(body) }) });
  } catch (cause) {
    throw badArguments(`no service answers at ${url}; start one, or name it with --url`, cause);
  }
  if (response.ok) return response.status === 204 ? undefined : await response.json();
  const problem = (await response.json()) as ProblemDetails;
  throw new InputError(problem.problems ?? [{ code: 'invalid_request', subject: 'keys', message: problem.detail }]);
}

function badArguments(message: string, cause?: unknown): InputError {
  return new InputError([{ code: 'invalid_request', subject: 'keys', message }], { cause });
}
