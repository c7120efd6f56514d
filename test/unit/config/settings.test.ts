import { expect, test } from 'vitest';
import { SCHEMA } from '../../../src/config/schema.ts';
import { describeSettings, environmentOf, parseSettings } from '../../../src/config/settings.ts';
import { InputError } from '../../../src/core/problem.ts';

function problemsOf(env: Record<string, string>, argv: readonly string[]): readonly string[] {
  try {
    parseSettings(env, argv);
    return [];
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

test('without anything said, there are defaults that open nothing to others', () => {
  expect(parseSettings({}, [])).toMatchObject({
    model: undefined,
    httpHost: '127.0.0.1',
    httpPort: 8080,
    grpcHost: '127.0.0.1',
    grpcPort: 50_051,
    data: '.overtone',
    device: 'cpu',
    concurrency: 4,
    threads: undefined,
  });
});

test('a flag wins over its variable, and an empty variable is none', () => {
  const settings = parseSettings({ OVERTONE_HTTP_PORT: '1', OVERTONE_MODEL: 'a', OVERTONE_DATA: '' }, [
    '--http-port',
    '0',
    '--model=b=c',
  ]);
  expect(settings).toMatchObject({ httpPort: 0, model: 'b=c', data: '.overtone' });
});

test('everything that is wrong is said at once, by the name under which it was given', () => {
  expect(
    problemsOf({ OVERTONE_CONCURRENCY: '0', OVERTONE_DEVICE: 'tpu' }, [
      '--http-port',
      '1e3',
      '--colour',
      'red',
      '--grpc-port',
      '--data=',
    ]),
  ).toEqual([
    expect.stringMatching(/^--colour is not an option; there are --model, /),
    '--grpc-port has no value',
    '--data has no value',
    "--http-port is '1e3'; must be an integer from 0 to 65535",
    "OVERTONE_DEVICE is 'tpu'; must be cpu or cuda:0, cuda:1, ...",
    "OVERTONE_CONCURRENCY is '0'; must be an integer from 1 to 64",
  ]);
});

test('proxies are named by address or network, and by nothing else', () => {
  expect(parseSettings({ OVERTONE_PROXIES: '10.0.0.7, fd00::/8' }, [])).toMatchObject({
    proxies: '10.0.0.7, fd00::/8',
  });
  expect(parseSettings({}, []).proxies).toBeUndefined();
  expect(problemsOf({ OVERTONE_PROXIES: '1' }, ['--http-port', '0'])).toEqual([
    "OVERTONE_PROXIES is '1'; must be addresses and networks with commas between them, e.g. 10.0.0.7,10.1.0.0/16,fd00::/8",
  ]);
});

test('a child that gets the settings as its environment parses the same settings', () => {
  const settings = parseSettings({ REDIS_URL: './x.sock', OVERTONE_THREADS: '2' }, ['--device', 'cuda:1']);
  expect(parseSettings(environmentOf(settings), [])).toEqual(settings);
});

test.each(['redis://h:6379/1', 'rediss://h', '/run/redis.sock', './redis.sock', '../redis.sock'])(
  'REDIS_URL may be %s',
  (url) => {
    expect(parseSettings({ REDIS_URL: url }, []).redisUrl).toBe(url);
  },
);

test.each(['localhost:6379', 'http://h', ''])('REDIS_URL may not be %j', (url) => {
  expect(problemsOf({}, ['--redis', url])).toHaveLength(1);
});

test('the help names every flag and every variable', () => {
  const help = describeSettings();
  for (const { flag, env } of Object.values(SCHEMA)) {
    expect(help).toContain(flag);
    expect(help).toContain(env);
  }
});

const KEY = `ot_0123456789ab.${'s'.repeat(43)}`;
const FILES: Readonly<Record<string, string>> = { '/run/secrets/key': `${KEY}\n` };
const readText = (path: string) => {
  const text = FILES[path];
  if (text === undefined) throw new Error('ENOENT');
  return text;
};

test('a secret can lie in a file that a variable or a flag names', () => {
  expect(parseSettings({ OVERTONE_ADMIN_KEY_FILE: '/run/secrets/key' }, [], readText).adminKey).toBe(KEY);
  expect(parseSettings({}, ['--admin-key-file', '/run/secrets/key'], readText).adminKey).toBe(KEY);
  expect(() => parseSettings({ OVERTONE_DATA_FILE: '/nowhere' }, [], readText)).not.toThrow();
});

test('a secret that is wrong is not repeated', () => {
  expect(problemsOf({ OVERTONE_ADMIN_KEY: 'hunter2' }, [])).toEqual([
    'OVERTONE_ADMIN_KEY is not what it must be; must be a key as `overtone keys generate` prints one',
  ]);
  expect(problemsOf({ REDIS_URL: 'http://:hunter2@x' }, []).join()).not.toContain('hunter2');
});

test('a secret that is given twice, or whose file cannot be read, is an error', () => {
  const twice = problemsOf({ REDIS_URL: '/a', REDIS_URL_FILE: '/run/secrets/key' }, []);
  expect(twice).toEqual(['REDIS_URL and REDIS_URL_FILE are both there; leave one out']);
  expect(problemsOf({ OVERTONE_ADMIN_KEY_FILE: '/not/there' }, [])).toEqual([
    expect.stringMatching(/^OVERTONE_ADMIN_KEY_FILE is '\/not\/there'; must be a file that can be read: /),
  ]);
});

test('a child gets secrets as they are, whatever files its parent was told to read', () => {
  const parent = { OVERTONE_ADMIN_KEY_FILE: '/run/secrets/key' };
  const settings = parseSettings(parent, [], readText);
  expect(parseSettings({ ...parent, ...environmentOf(settings) }, [], readText)).toEqual(settings);
});
