import { RequestMethod } from '@nestjs/common';
import { HTTP_CODE_METADATA, METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';
import { z } from 'zod';
import { PERMISSION, TARGET } from '../call/require-permission.js';

/** One route as its controller declares it. */
export interface ApiRoute {
  /** Lower case, as OpenAPI has it. */
  method: string;
  /** With parameters as `{name}`. */
  path: string;
  /** The name of the method of the controller. */
  handler: string;
  controller: string;
  status: number;
  permission: string | null;
  target: string | null;
  pathParameters: Record<string, z.ZodType>;
  query: z.ZodObject | null;
  body: z.ZodType | null;
}

const argumentSchema = z.object({
  data: z.string().optional().catch(undefined),
  schema: z.custom<z.ZodType>((value) => value instanceof z.ZodType).optional(),
});

/** Every route of the application, in the order of its paths. */
export function routesOf(app: INestApplication): ApiRoute[] {
  const scanner = new MetadataScanner();
  const found = [...app.get(ModulesContainer).values()].flatMap(({ controllers }) =>
    [...controllers.values()].flatMap(({ metatype }) => {
      if (typeof metatype !== 'function') return [];
      const prototype = metatype.prototype as object;
      return scanner.getAllMethodNames(prototype).flatMap((handler) => routeOf(metatype, prototype, handler) ?? []);
    }),
  );
  return found.toSorted((a, b) => a.path.localeCompare(b.path) || a.method.localeCompare(b.method));
}

const read = <S extends z.ZodType>(schema: S, key: string, of: object): z.output<S> =>
  schema.parse(Reflect.getMetadata(key, of));

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- what Nest calls a class
function routeOf(controller: Function, prototype: object, handler: string): ApiRoute | null {
  const method = (prototype as Record<string, unknown>)[handler];
  if (typeof method !== 'function') return null;
  const verb = read(z.enum(RequestMethod).optional(), METHOD_METADATA, method);
  if (verb === undefined) return null;
  const paths = [controller, method].map((of) => read(z.string().default(''), PATH_METADATA, of));
  const path = `/${paths.flatMap((part) => part.split('/').filter(Boolean)).join('/')}`;
  return {
    method: RequestMethod[verb].toLowerCase(),
    path: path.replace(/:([a-zA-Z]+)/g, '{$1}'),
    handler,
    controller: controller.name,
    status: read(z.int().optional(), HTTP_CODE_METADATA, method) ?? (verb === RequestMethod.POST ? 201 : 200),
    permission: read(z.string().optional(), PERMISSION, method) ?? null,
    target: read(z.string().optional(), TARGET, method) ?? null,
    ...takenBy(controller, handler),
  };
}

/** The parts of a request that the parameters of a handler take. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- what Nest calls a class
function takenBy(controller: Function, handler: string): Pick<ApiRoute, 'pathParameters' | 'query' | 'body'> {
  const args = argumentsOf(controller, handler);
  const taken = (kind: RouteParamtypes) => args.filter(({ type }) => type === kind);
  const inPath = taken(RouteParamtypes.PARAM);
  const whole = inPath.find(({ data }) => data === undefined)?.schema;
  const single = inPath.flatMap(({ data, schema }) =>
    data === undefined ? [] : [[data, schema ?? z.string()] as const],
  );
  const [query] = taken(RouteParamtypes.QUERY);
  return {
    pathParameters: whole instanceof z.ZodObject ? { ...whole.shape } : Object.fromEntries(single),
    query: query?.schema instanceof z.ZodObject ? query.schema : null,
    body: taken(RouteParamtypes.BODY)[0]?.schema ?? null,
  };
}

/** Whether a handler reads the query of its request. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- what Nest calls a class
export const readsQuery = (controller: Function, handler: string): boolean =>
  argumentsOf(controller, handler).some(({ type }) => type === RouteParamtypes.QUERY);

// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- what Nest calls a class
function argumentsOf(controller: Function, handler: string) {
  const stored: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {};
  return Object.entries(z.record(z.string(), z.unknown()).parse(stored)).map(([key, argument]) => ({
    type: z
      .enum(RouteParamtypes)
      .catch(RouteParamtypes.NEXT)
      .parse(Number(key.split(':')[0])),
    ...argumentSchema.parse(argument),
  }));
}
