import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { NODE, ROOT } from '../paths.js';

/** Checks of docker-compose.yml that need no container engine. */

const secretUse = z.union([z.string(), z.looseObject({ source: z.string() }).transform(({ source }) => source)]);
const serviceSchema = z.looseObject({
  command: z.array(z.string()).default([]),
  user: z.string().optional(),
  read_only: z.boolean().default(false),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
  environment: z.record(z.string(), z.unknown()).default({}),
  env_file: z.array(z.string()).default([]),
  secrets: z.array(secretUse).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  healthcheck: z.looseObject({}).optional(),
});
const composeSchema = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

let compose: z.infer<typeof composeSchema>;
let folder: string;
beforeAll(async () => {
  const text = await readFile(path.join(ROOT, 'docker-compose.yml'), 'utf8');
  compose = composeSchema.parse(parse(text, { merge: true }));
  folder = await mkdtemp(path.join(tmpdir(), 'scc-compose-'));
  const script = path.join(ROOT, 'scripts', 'compose-secrets.ts');
  await promisify(execFile)(NODE, [script, '--without-cluster', '--out', folder], { cwd: ROOT });
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

const PRODUCT = ['migrate', 'governance', 'worker', 'watcher'];
const localOf = (service: z.infer<typeof serviceSchema> | undefined): string[] => [
  ...(service?.env_file ?? []),
  ...(service?.secrets ?? []).flatMap((name) => compose.secrets[name]?.file ?? []),
  ...(service?.volumes ?? []).flatMap((volume) => (volume.startsWith('./local') ? (volume.split(':')[0] ?? []) : [])),
];

describe('docker-compose.yml', () => {
  it('gives each service its own secrets and none of another', () => {
    const holders = new Map<string, string[]>();
    for (const [name, service] of Object.entries(compose.services))
      for (const file of localOf(service)) holders.set(file, [...(holders.get(file) ?? []), name]);
    expect(holders.size).toBeGreaterThan(8);
    for (const [file, names] of holders) expect([file, names]).toEqual([file, [file.split('/')[2]]]);
  });

  it('keeps the password of the owner of the tables away from the process that serves', async () => {
    expect(JSON.stringify(compose.services['governance'])).not.toContain('OWNER');
    expect(await readFile(path.join(folder, 'governance/database.env'), 'utf8')).not.toContain('migrator');
  });

  it.each(PRODUCT)('runs %s as nobody, with a read-only root and no capability', (name) => {
    expect(compose.services[name]).toMatchObject({
      user: '65532:0',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
  });

  it.each(['postgres', 'temporal', 'governance', 'worker', 'watcher'])('knows whether %s is healthy', (name) => {
    expect(compose.services[name]?.healthcheck).toBeDefined();
  });

  it('publishes nothing beyond this host, and names an admin', () => {
    for (const { ports } of Object.values(compose.services))
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(compose.services['governance']?.environment).toHaveProperty('ADMIN_USERS');
  });

  it('runs programs that the image has', async () => {
    const launcher = await readFile(path.join(ROOT, 'deploy', 'docker', 'scc.mjs'), 'utf8');
    for (const name of PRODUCT) {
      const program = new RegExp(`^ {2}'?${compose.services[name]?.command[0] ?? '-'}'?: '(.+)',$`, 'm').exec(
        launcher,
      )?.[1];
      await expect(access(path.join(ROOT, program ?? 'missing'))).resolves.toBeUndefined();
    }
  });

  it('finds every file that it reads, but for what only a cluster gives, readable to the users of its containers', async () => {
    for (const file of Object.values(compose.services)
      .flatMap(localOf)
      .filter((one) => !one.endsWith('kubeconfig'))) {
      const { mode } = await stat(path.join(folder, file.replace('./local/', '')));
      expect([file, mode & 0o444]).toEqual([file, 0o444]);
    }
    expect((await stat(folder)).mode & 0o077).toBe(0);
  });

  it('keeps passwords and keys when its secrets are made again', async () => {
    const before = await readFile(path.join(folder, 'governance/database.env'), 'utf8');
    const script = path.join(ROOT, 'scripts', 'compose-secrets.ts');
    await promisify(execFile)(NODE, [script, '--without-cluster', '--out', folder], { cwd: ROOT });
    expect(await readFile(path.join(folder, 'governance/database.env'), 'utf8')).toBe(before);
  }, 60_000);
});
