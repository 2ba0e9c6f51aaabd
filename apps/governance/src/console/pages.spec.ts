import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { readPages, servePages } from './pages.js';

let folder: string;
let server: Server;
const ask = (at: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${at}`, init);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'console-pages-'));
  await mkdir(path.join(folder, 'assets'));
  await writeFile(path.join(folder, 'index.html'), '<p>pages</p>');
  await writeFile(path.join(folder, 'assets', 'a-1.js'), 'script');
  await writeFile(path.join(folder, 'assets', 'a-1.js.gz'), gzipSync('script'));
  await writeFile(path.join(folder, 'secret.txt'), 'no page');
  const app = express();
  app.use(servePages(await readPages(folder)));
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

describe('the pages of the console', () => {
  it('are served with a policy that allows their own files alone', async () => {
    const page = await ask('/');
    expect([page.status, await page.text()]).toEqual([200, '<p>pages</p>']);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toMatch(/default-src 'none'.*script-src 'self';.*frame-ancestors 'none'/);
    expect(policy).not.toMatch(/unsafe|http|\*/);
    expect(page.headers.get('cache-control')).toBe('no-cache');
  });

  it('are sent small to those who can read it, and kept while their names stay', async () => {
    const small = await ask('/assets/a-1.js');
    expect([small.headers.get('content-encoding'), await small.text()]).toEqual(['gzip', 'script']);
    expect(small.headers.get('cache-control')).toContain('immutable');
    const plain = await ask('/assets/a-1.js', { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, 'script']);
  });

  it.each(['/secret.txt', '/assets/a-1.js.gz', '/../package.json', '/%2e%2e/package.json', '/index.html'])(
    'are not everything: %s',
    async (at) => {
      expect((await ask(at)).status).toBe(404);
    },
  );

  it('take no other method', async () => {
    expect((await ask('/', { method: 'POST' })).status).toBe(404);
    expect((await ask('/', { method: 'HEAD' })).headers.get('content-length')).toBe('12');
  });

  it('are missing where they were not built', async () => {
    expect((await readPages(path.join(folder, 'none'))).size).toBe(0);
  });
});
