import swagger, { type SwaggerTransform } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Scope } from '../../contract/principal.ts';
import { VERSION } from '../../contract/version.ts';
import { COMPONENTS } from '../shapes/components.ts';
import { commonProblems, problemAnswers } from '../shapes/problems-of.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** Codes of the table of errors that this route can answer, beside those that any route can. */
    'x-problems'?: readonly ErrorCode[];
    /** A body may be left out. */
    'x-body-optional'?: true;
  }
}

export const DOCS_PATH = '/docs';

/**
 * The OpenAPI document, made of what the routes say of themselves, and a page to read it with. What a route says is said only: its
 * service checks what comes in, everything at once and in words, and what goes out is sent as it is. To be registered after the check
 * of callers and before any route.
 */
export async function registerOpenApi(app: FastifyInstance): Promise<void> {
  registerShapes(app);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Overtone',
        version: VERSION,
        description:
          'Pictures of one prompt and several LoRAs. Where the service is open, no key is needed. Every error is an RFC 9457 problem with a stable `code`.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: 'An API key, `kid.secret`.' },
          browser: { type: 'http', scheme: 'basic', description: 'Kid and secret of an API key. Opens pages only.' },
        },
      },
    },
    // A constant is one in JSON Schema as well, and says more than a list of one.
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `Part${index}`) },
    transform: describeRoute,
    transformObject: (document) => ('openapiObject' in document ? withOptionalBodies(document.openapiObject) : {}),
  });
  await app.register(swaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: POLICY,
    theme: { title: 'Overtone' },
    // Without the plugin's own bar above it.
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true, defaultModelsExpandDepth: 0 },
  });
}

/** What routes say of themselves is known by its names, and nothing is done about it. */
export function registerShapes(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  for (const schema of COMPONENTS) app.addSchema(schema);
}

const TAGS = [
  { name: 'generations', description: 'Pictures: ask, watch, fetch, cancel.' },
  { name: 'loras', description: 'The registry of LoRAs, and what was measured of them.' },
  { name: 'models', description: 'The checkpoints that are served.' },
  { name: 'webhooks', description: 'Secrets with which webhooks are signed.' },
  { name: 'keys', description: 'API keys.' },
  { name: 'service', description: 'Health, metrics, and this document.' },
];

/** The page loads its own scripts and styles and asks this server; nothing comes from elsewhere. It sets styles from its script. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Adds what follows from a route's scopes and method: security, and the errors that are not its own. */
const describeRoute: SwaggerTransform = ({ schema, url, route }) => {
  // Fastify hands on no schema for a route that has none.
  const own: FastifySchema = schema ?? {};
  if (own.hide === true) return { schema: own, url };
  const scopes: readonly Scope[] | 'public' = route.config?.scopes ?? 'public';
  const problems = [...(own['x-problems'] ?? []), ...commonProblems(scopes, String(route.method))];
  const response = withProblems(own.response as Answers, problemAnswers(problems));
  const { 'x-problems': _, ...described } = own;
  const schemes = own.security?.flatMap((scheme) => Object.keys(scheme)) ?? ['key'];
  const security =
    scopes === 'public' ? [] : schemes.flatMap((scheme) => scopes.map((scope) => ({ [scheme]: [scope] })));
  return { schema: { ...described, response, security }, url };
};

type Answers = Readonly<Record<string, Readonly<{ content?: object }>>>;

/** A status can be an answer of the route's own as well as a problem; the type of its content tells which. */
function withProblems(answers: Answers, problems: Answers): Answers {
  const both = Object.entries(problems).map(([status, problem]) => {
    const own = answers[status];
    return [status, own === undefined ? problem : { ...own, content: { ...own.content, ...problem.content } }];
  });
  return { ...answers, ...Object.fromEntries(both) };
}

/** The plugin takes every body for a required one. */
function withOptionalBodies<Document extends { readonly paths?: object | undefined }>(document: Document): Document {
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path as Readonly<Record<string, Operation>>)) {
      if (operation['x-body-optional'] !== true) continue;
      delete operation['x-body-optional'];
      operation.requestBody.required = false;
    }
  }
  return document;
}

interface Operation {
  'x-body-optional'?: true;
  readonly requestBody: { required: boolean };
}
