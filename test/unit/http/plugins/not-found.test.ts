import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServiceError } from '../../../../src/contract/errors.ts';
import { registerErrors } from '../../../../src/http/plugins/errors.ts';
import { registerNotFound } from '../../../../src/http/plugins/not-found.ts';

let app: FastifyInstance;

beforeEach(async () => {
  app = Fastify();
  registerErrors(app);
  registerNotFound(app);
  const ok = async () => ({});
  app.get('/things/:id', ok);
  app.delete('/things/:id', ok);
  app.post('/things', ok);
  app.post('/things::plan', ok);
  app.get('/files/*', async (_request, reply) => reply.callNotFound());
  app.get('/page.html', ok);
  app.get('/nobody', async () => {
    throw new ServiceError('not_found', 'there is nobody');
  });
  // As plugins add theirs.
  await app.register(async (scope) => scope.put('/things/special', ok));
  await app.register(async (scope) => scope.get('/', ok), { prefix: '/pages' });
});

afterEach(() => app.close());

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

async function ask(method: Method, url: string) {
  const response = await app.inject({ method, url });
  const { statusCode: status, headers } = response;
  return { status, allow: headers.allow, type: headers['content-type']?.toString(), body: response.body };
}

test.each<[Method, string, string]>([
  ['PUT', '/things/7', 'DELETE, GET, HEAD'],
  ['POST', '/things/7?x=/nowhere', 'DELETE, GET, HEAD'],
  ['POST', '/things/', 'DELETE, GET, HEAD'],
  ['POST', '/things/special', 'DELETE, GET, HEAD, PUT'],
  ['GET', '/things', 'POST'],
  ['GET', '/things:plan', 'POST'],
  ['DELETE', '/files/a/b.js', 'GET, HEAD'],
  ['POST', '/page.html', 'GET, HEAD'],
  ['POST', '/pages', 'GET, HEAD'],
  ['POST', '/pages/', 'GET, HEAD'],
])('%s %s is 405 and allows %s', async (method, url, allow) => {
  const answer = await ask(method, url);
  expect(answer).toMatchObject({ status: 405, allow, type: expect.stringContaining('application/problem+json') });
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 'method_not_allowed',
    status: 405,
    detail: `there is no ${method} ${url.split('?')[0]}; must be ${allow}`,
  });
});

test.each<[Method, string]>([
  ['GET', '/nothing'],
  ['POST', '/things/7/8'],
  ['GET', '/thingsXplan'],
  ['POST', '/pageXhtml'],
  ['POST', '/files'],
  ['GET', '/files/a'],
  ['GET', '/nobody'],
  ['OPTIONS', '/things'],
  ['HEAD', '/things'],
])('%s %s stays 404', async (method, url) => {
  expect(await ask(method, url)).toMatchObject({ status: 404, allow: undefined });
});

test('a body that nobody takes is not read', async () => {
  const broken = { payload: '{', headers: { 'content-type': 'application/json' } };
  expect((await app.inject({ method: 'PATCH', url: '/things', ...broken })).statusCode).toBe(405);
  expect((await app.inject({ method: 'POST', url: '/nothing', ...broken })).statusCode).toBe(404);
  // A method with a body that has none.
  expect((await app.inject({ method: 'QUERY' as 'POST', url: '/things' })).statusCode).toBe(405);
});

test('HEAD of what can be got is answered as before', async () => {
  expect((await ask('HEAD', '/things/7')).status).toBe(200);
});
