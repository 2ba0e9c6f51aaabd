import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { routesOf } from '../http/routes.js';
import { apiSuite } from '../suite.fixture.js';
import { describedAs } from './document.js';
import { OPERATIONS } from './operations.js';

const { test } = apiSuite();

const documentSchema = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.looseObject({
        operationId: z.string(),
        parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })),
      }),
    ),
  ),
  components: z.object({ schemas: z.record(z.string(), z.unknown()), responses: z.record(z.string(), z.unknown()) }),
});
const layerSchema = z.object({
  route: z.object({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
});

/** What Express really serves, in the words of the document. */
function served(): string[] {
  const { router } = test.api.app.getHttpAdapter().getInstance() as { router: { stack: unknown[] } };
  return router.stack.flatMap((layer) => {
    const { route } = layerSchema.parse(layer);
    if (!route || /^\/v1\/(docs|openapi)/.test(route.path)) return [];
    const at = route.path.replace(/:([a-zA-Z]+)/g, '{$1}');
    return Object.keys(route.methods).map((method) => `${method} ${at}`);
  });
}
const document = async () => documentSchema.parse((await test.call('', 'GET', '/v1/openapi.json')).body);

describe('the OpenAPI document', () => {
  it('names exactly the routes that are served', async () => {
    const { paths } = await document();
    const documented = Object.entries(paths).flatMap(([at, operations]) =>
      Object.keys(operations).map((method) => `${method} ${at}`),
    );
    expect(documented.toSorted()).toEqual(served().toSorted());
    expect(documented.length).toBeGreaterThan(40);
  });

  it('says of every route what it does and answers, and of nothing else', () => {
    const routes = routesOf(test.api.app);
    expect(routes.filter((route) => !describedAs(route)).map(({ method, path: at }) => `${method} ${at}`)).toEqual([]);
    const known = new Set(routes.map(({ method, path: at }) => `${method.toUpperCase()} ${at}`));
    expect(Object.keys(OPERATIONS).filter((key) => !known.has(key))).toEqual([]);
  });

  it('has a permission for every route, or says that it is for everybody', () => {
    expect(routesOf(test.api.app).filter(({ permission }) => permission === null)).toEqual([]);
  });

  it('describes every parameter of every path, and refers to nothing that is missing', async () => {
    const { paths, components } = await document();
    for (const [at, operations] of Object.entries(paths))
      for (const { parameters } of Object.values(operations))
        expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`)).toEqual(
          at.match(/\{[^}]+\}/g) ?? [],
        );
    const text = JSON.stringify({ paths, components });
    const references = [...text.matchAll(/"\$ref":"#\/components\/(schemas|responses)\/([^"]+)"/g)];
    expect(text.match(/"\$ref"/g)).toHaveLength(references.length);
    for (const [, kind, name] of references)
      expect(Object.keys(kind === 'schemas' ? components.schemas : components.responses)).toContain(name);
  });

  it('is the table of docs/API.md', async () => {
    const { paths } = await document();
    const page = await readFile(path.resolve(import.meta.dirname, '../../../../docs/API.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z]+ \/v1\/\S+)` +\| (.+?) +\| (.+?) +\|$/gm)].map(
      ([, route, needs, what]) => [route, needs?.replaceAll('`', ''), what],
    );
    const expected = Object.entries(paths).flatMap(([at, operations]) =>
      Object.entries(operations).map(([method, operation]) => [
        `${method.toUpperCase()} ${at}`,
        operation['x-permission'] ?? (['/v1/health', '/v1/sign-in'].includes(at) ? 'everybody' : 'every known caller'),
        operation['summary'],
      ]),
    );
    expect(rows.toSorted()).toEqual(expected.toSorted());
  });

  it('gives every operation a name of its own', async () => {
    const { paths } = await document();
    const names = Object.values(paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
  });

  it('is shown as pages that load nothing from elsewhere', async () => {
    const page = await test.call('', 'GET', '/v1/docs');
    expect(page.status).toBe(200);
    const html = z.string().parse(page.body);
    expect(html).toContain('swagger-ui');
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page.headers.get('content-security-policy')).toContain("connect-src 'self'");
    for (const [, file] of html.matchAll(/(?:src|href)="\.\/(docs\/[^"]+)"/g))
      expect(await test.call('', 'GET', `/v1/${file ?? ''}`)).toMatchObject({ status: 200 });
  });
});
