import type { INestApplication } from '@nestjs/common';
import { problemSchema } from '@scc/governance-api';
import { z } from 'zod';
import { AUTHENTICATED, PUBLIC } from '../call/require-permission.js';
import { isReplayed } from '../http/idempotency.js';
import type { Operation } from './operation.js';
import { OPERATIONS } from './operations.js';
import { type ApiRoute, routesOf } from '../http/routes.js';
import { type JsonSchema, SchemaRegistry } from './schemas.js';

const PROBLEMS: Record<number, string> = {
  400: 'Malformed: `errors` says where',
  401: 'The caller is unknown',
  403: 'The caller may not do this',
  404: 'There is no such object',
  409: 'The state does not allow this, or the same key is being worked on',
  412: 'It has changed since you saw it',
  413: 'The body is too large',
  405: 'The path does not take this method: see Allow',
  415: 'The body is not JSON',
  422: 'Valid JSON that cannot be processed, or the key was used for something else',
  428: 'If-Match is missing',
  429: 'Too many requests: see Retry-After',
  503: 'Not now: see Retry-After',
};

const INTRODUCTION = `Asks and records for migrations between Security Context Constraints.

Send a bearer token. Errors are problem details (RFC 9457). Writes take an \`Idempotency-Key\`; edits need \`If-Match\`
with the \`ETag\` that came with the object. Lists are read page by page with \`cursor\`.`;

/** The OpenAPI 3.1 document of everything that the application answers. */
export function openApiDocument(app: INestApplication, version: string): JsonSchema {
  const registry = new SchemaRegistry();
  registry.named('Problem', problemSchema, 'output');
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routesOf(app)) (paths[route.path] ??= {})[route.method] = operationOf(route, registry);
  return {
    openapi: '3.1.0',
    info: { title: 'SCC governance', version, description: INTRODUCTION, license: { name: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: registry.schemas,
      responses: Object.fromEntries(
        Object.entries(PROBLEMS).map(([status, description]) => [`Problem${status}`, problemResponse(description)]),
      ),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'A token of a ServiceAccount or user of the cluster for our audience, or of the OIDC issuer.',
        },
      },
    },
  };
}

const problemResponse = (description: string): JsonSchema => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const keyOf = ({ method, path }: ApiRoute): keyof typeof OPERATIONS =>
  `${method.toUpperCase()} ${path}` as keyof typeof OPERATIONS;

/** What OPERATIONS says about a route; undefined for one without a description. */
export const describedAs = (route: ApiRoute): Operation | undefined => OPERATIONS[keyOf(route)];

function operationOf(route: ApiRoute, registry: SchemaRegistry): JsonSchema {
  const described = describedAs(route) ?? { summary: route.handler, answer: z.unknown() };
  const operationId = `${route.controller.replace(/Controller$/, '').toLowerCase()}${capital(route.handler)}`;
  const isPublic = route.permission === PUBLIC;
  const body = route.body && registry.named(`${capital(operationId)}Request`, route.body, 'input');
  return {
    operationId,
    summary: described.summary,
    description: permissionWords(route),
    tags: [route.path.split('/')[2] ?? ''],
    security: isPublic ? [] : [{ bearer: [] }],
    ...(route.permission?.includes(':')
      ? { 'x-permission': route.permission, 'x-permission-target': route.target }
      : {}),
    parameters: parametersOf(route, described, registry),
    ...(body ? { requestBody: { required: true, content: { 'application/json': { schema: body } } } } : {}),
    responses: {
      [route.status]: answerOf(operationId, described, registry),
      ...Object.fromEntries(
        problemsOf(route, described).map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
      ),
    },
  };
}

function permissionWords({ permission, target }: ApiRoute): string {
  if (permission === PUBLIC) return 'For everybody.';
  if (permission === AUTHENTICATED) return 'For every known caller.';
  return `Needs \`${permission ?? 'a permission that no role has'}\`${target === null ? '' : ` (${target})`}.`;
}

/** Before OpenAPI 3.2 the schema of an event stream describes each of its events. */
const streamedEvent: JsonSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    event: { enum: ['change', 'reset'] },
    data: { type: 'string', contentMediaType: 'application/json' },
  },
  required: ['id', 'event', 'data'],
};

function answerOf(
  operationId: string,
  { answer, versioned, condition }: Operation,
  registry: SchemaRegistry,
): JsonSchema {
  const etag = { ETag: { description: 'The version; goes into If-Match.', schema: { type: 'string' } } };
  const headers = {
    'X-Request-Id': { schema: { type: 'string' } },
    ...(versioned || condition === 'save' ? etag : {}),
  };
  if (answer === null) return { description: 'Done', headers };
  if (answer === 'lines')
    return {
      description: 'One record a line',
      headers,
      content: { 'application/x-ndjson': { schema: { type: 'string' } } },
    };
  if (answer === 'events')
    return {
      description: 'Events `change` and `reset`; the id of each goes into Last-Event-ID',
      headers,
      content: { 'text/event-stream': { schema: streamedEvent } },
    };
  const schema = registry.named(`${capital(operationId)}Answer`, answer, 'output');
  return { description: 'Answered', headers, content: { 'application/json': { schema } } };
}

function problemsOf(route: ApiRoute, { condition, mayConflict }: Operation): number[] {
  if (route.permission === PUBLIC) return [400, 429, 503];
  const isWrite = route.method !== 'get';
  return [
    ...[400, 401, 403, 404, 422, 429, 503],
    ...(isWrite ? [409, 412] : []),
    ...(mayConflict ? [409] : []),
    ...(route.body ? [413, 415] : []),
    ...(condition ? [428] : []),
  ].sort((a, b) => a - b);
}

function parametersOf(route: ApiRoute, described: Operation, registry: SchemaRegistry): JsonSchema[] {
  const inline = (name: string, schema: z.ZodType): JsonSchema => registry.inline(name, schema, 'input');
  const inPath = [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: inline(name, route.pathParameters[name] ?? z.string()),
  }));
  return [...inPath, ...queryOf(route, inline), ...headersOf(route, described)];
}

const queryOf = ({ query }: ApiRoute, inline: (name: string, schema: z.ZodType) => JsonSchema): JsonSchema[] =>
  Object.entries(query?.shape ?? {}).map(([name, field]) => {
    const schema = z.custom<z.ZodType>().parse(field);
    const { description, ...converted } = inline(name, schema);
    return {
      name,
      in: 'query',
      required: !schema.safeParse(undefined).success,
      ...(description === undefined ? {} : { description }),
      schema: converted,
    };
  });

function headersOf(route: ApiRoute, { condition }: Operation): JsonSchema[] {
  const header = (name: string, description: string, pattern: string): JsonSchema => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string', pattern },
  });
  const tag = '^"[0-9]{1,9}"$';
  return [
    ...(isReplayed(route)
      ? [header('Idempotency-Key', 'The same key with the same request has its effect once.', '^[!-~]{1,255}$')]
      : []),
    ...(condition ? [header('If-Match', 'The ETag that came with the object.', tag)] : []),
    ...(condition === 'save' ? [header('If-None-Match', '`*`: it must not exist yet.', '^\\*$')] : []),
  ];
}
