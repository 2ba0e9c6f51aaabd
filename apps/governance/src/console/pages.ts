import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { NextFunction, Request, Response } from 'express';

/** The pages that `npm run build` makes of apps/console; in the image at the same place. */
export const CONSOLE_PAGES = path.resolve(import.meta.dirname, '../../../console/dist/pages');

/** The pages load their own files and ask this host alone; nothing that a plan says can become a script. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
};

interface Page {
  type: string;
  body: Buffer;
  gzip: Buffer | null;
}

/** Reads the built pages. Empty when they were not built: the API works without them. */
export async function readPages(folder = CONSOLE_PAGES): Promise<ReadonlyMap<string, Page>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const pages = new Map<string, Page>();
  for (const file of files) {
    const type = TYPES[path.extname(file)];
    if (type === undefined) continue;
    const name = path.relative(folder, file).split(path.sep).join('/');
    const gzip = files.includes(`${file}.gz`) ? await readFile(`${file}.gz`) : null;
    pages.set(name === 'index.html' ? '/' : `/${name}`, { type, body: await readFile(file), gzip });
  }
  return pages;
}

const takesGzip = (request: Request): boolean =>
  /\bgzip\b(?!;\s*q=0(\.0*)?\s*(,|$))/.test(request.header('accept-encoding') ?? '');

/** Serves the built pages under `/`. What is none of them goes on to the API. */
export const servePages =
  (pages: ReadonlyMap<string, Page>) =>
  (request: Request, response: Response, next: NextFunction): void => {
    const page = ['GET', 'HEAD'].includes(request.method) ? pages.get(request.path) : undefined;
    if (!page) {
      next();
      return;
    }
    const zipped = takesGzip(request) ? page.gzip : null;
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Content-Type', page.type);
    response.setHeader('Vary', 'Accept-Encoding');
    // The names of these files change with their content.
    if (request.path.startsWith('/assets/')) response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    else response.setHeader('Cache-Control', 'no-cache');
    if (zipped) response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Content-Length', (zipped ?? page.body).length);
    response.status(200).end(request.method === 'HEAD' ? undefined : (zipped ?? page.body));
  };
