import type { NestExpressApplication } from '@nestjs/platform-express';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { Application } from 'express';
import { z } from 'zod';
import { PAGES_PATH } from '../http/request.js';
import { openApiDocument } from './document.js';

export const DOCUMENT_PATH = '/v1/openapi.json';

/** Serves the OpenAPI document, and pages made from it without anything from another host. */
export function serveDocumentation(app: NestExpressApplication, version: string): void {
  const document = openApiDocument(app, version);
  const text = JSON.stringify(document);
  const express = app.getHttpAdapter().getInstance() as Application;
  express.get(DOCUMENT_PATH, (_request, response) => {
    response.setHeader('Content-Type', 'application/vnd.oai.openapi+json;version=3.1; charset=utf-8');
    response.end(text);
  });
  SwaggerModule.setup(PAGES_PATH, app, z.custom<OpenAPIObject>().parse(document), {
    raw: false,
    customSiteTitle: 'SCC governance',
    swaggerOptions: { url: DOCUMENT_PATH, validatorUrl: null, persistAuthorization: false },
  });
}
