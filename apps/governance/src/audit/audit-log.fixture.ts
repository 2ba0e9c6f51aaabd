import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import {
  type Anchor,
  formatExportLine,
  type HeldReceipt,
  type LogRecord,
  type NoteSigner,
  signerFromPem,
  type Trust,
} from '@scc/audit';
import { createLogger, waitFor } from '@scc/runtime';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';
import { TransactionClient } from '../database/transaction-client.js';
import { appendAuditBatch, type AuditRecord } from './append.js';
import { sealingLag } from './queries.js';
import { Sealer, type SealerOptions } from './sealer.js';

/** Shared by the specs of the audit log: databases with the real schema, keys, and logs written by the real code. */

export const ORIGIN = 'scc.poc/test';
const silent = createLogger('audit-spec', 'silent');

export function aSigner(origin = ORIGIN): NoteSigner {
  const { privateKey } = generateKeyPairSync('ed25519');
  return signerFromPem(origin, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
}

const migration = path.resolve(import.meta.dirname, '../database/schema/020-audit.sql');

/** Databases on one server; `admin` connects as superuser, `app` with the role of the service. */
export class Databases {
  private readonly open: DataSource[] = [];

  private constructor(readonly server: PostgresServer) {}

  static async start(): Promise<Databases> {
    return new Databases(await startPostgres());
  }

  private async connect(url: URL): Promise<DataSource> {
    const extra = { Client: TransactionClient };
    const source = new DataSource({ type: 'postgres', url: url.href, poolSize: 12, extra });
    await source.initialize();
    this.open.push(source);
    return source;
  }

  url(name: string, user?: string): URL {
    const url = new URL(this.server.url);
    url.pathname = `/${name}`;
    if (user) [url.username, url.password] = [user, user];
    return url;
  }

  admin(name: string): Promise<DataSource> {
    return this.connect(this.url(name));
  }

  app(name: string): Promise<DataSource> {
    return this.connect(this.url(name, 'scc_app'));
  }

  /** A database with the schema of the audit log, owned as in production. */
  async create(): Promise<string> {
    const name = `audit_${randomUUID().replaceAll('-', '')}`;
    const root = await this.admin('postgres');
    for (const role of ['scc_owner nologin', `scc_app login password 'scc_app'`])
      await root.query(`create role ${role}`).catch(() => undefined);
    await root.query(`create database ${name} owner scc_owner`);
    await root.destroy();
    const admin = await this.admin(name);
    await admin.query('set role scc_owner');
    await admin.query(await readFile(migration, 'utf8'));
    await admin.destroy();
    return name;
  }

  /** A byte-for-byte copy: what an attacker with the disk can make. No client may be connected to the original. */
  async copy(of: string): Promise<string> {
    const name = `audit_${randomUUID().replaceAll('-', '')}`;
    const root = await this.admin('postgres');
    await root.query(`create database ${name} template ${of}`);
    await root.destroy();
    return name;
  }

  async close(): Promise<void> {
    for (const source of this.open) if (source.isInitialized) await source.destroy();
    await this.server.stop();
  }
}

export const aRecord = (number: number): AuditRecord => ({
  actor: { name: `user-${number % 7}`, roles: ['approver'] },
  action: 'approval.granted',
  object: { kind: 'SCCMigrationPlan', namespace: 'shop', name: `plan-${number % 13}` },
  requestId: `request-${number}`,
  details: { number, reason: 'reviewed', note: 'größer 😀' },
});

export const append = (source: DataSource, records: AuditRecord[]): Promise<HeldReceipt[]> =>
  source.transaction((tx) => appendAuditBatch(tx, records));

/** Runs a sealer until nothing is left to seal; returns the new checkpoints that it published outside the database. */
export async function seal(
  source: DataSource,
  options: Partial<SealerOptions> & { signer: NoteSigner },
): Promise<Anchor[]> {
  const anchors: Anchor[] = [];
  const { size: before } = await sealingLag(source);
  const sealer = aSealer(source, {
    ...options,
    onCheckpoint: ({ note, size }) => {
      if (size > before) anchors.push({ source: `ConfigMap at ${size}`, note });
    },
  });
  sealer.start();
  await waitFor(async () => (await countUnsealed(source)) === 0, { timeoutMs: 20_000, everyMs: 20, what: 'sealing' });
  await sealer.stop();
  return anchors;
}

export const aSealer = (source: DataSource, options: Partial<SealerOptions> & { signer: NoteSigner }): Sealer =>
  new Sealer(source, {
    origin: ORIGIN,
    previousSigner: null,
    holder: 'spec',
    logger: silent,
    everyMs: 10,
    batchSize: 50,
    standbyMs: 20,
    onCheckpoint: () => undefined,
    ...options,
  });

export async function countUnsealed(source: DataSource): Promise<number> {
  const [row] = await source.query<{ count: string }[]>(
    'select count(*) from audit_entry e where not exists (select from audit_seal s where s.entry = e.id)',
  );
  return Number(row?.count);
}

const secondReportSchema = z.object({
  verdict: z.enum(['clean', 'tampered', 'incomplete']),
  problems: z
    .array(z.object({ from: z.number(), to: z.number(), reason: z.string() }))
    .nullable()
    .transform((problems) => problems ?? []),
});

/** The independent verifier (dev/modules/audit-verifier), built from source: the Go build cache makes that cheap. */
export class SecondVerifier {
  private constructor(private readonly folder: string) {}

  static async build(): Promise<SecondVerifier> {
    const folder = await mkdtemp(path.join(tmpdir(), 'scc-audit-verifier-'));
    const cwd = path.resolve(import.meta.dirname, '../../../../dev/modules/audit-verifier');
    await promisify(execFile)('go', ['build', '-o', path.join(folder, 'verifier'), '.'], { cwd });
    return new SecondVerifier(folder);
  }

  private async write(name: string, content: string): Promise<string> {
    const file = path.join(this.folder, `${randomUUID()}-${name}`);
    await writeFile(file, content);
    return file;
  }

  private async run(args: string[], input = ''): Promise<string> {
    const child = spawn(path.join(this.folder, 'verifier'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
    // It reads its input only for proofs, and may have ended before.
    child.stdin.on('error', () => undefined).end(input);
    return text(child.stdout);
  }

  /** The words about the same export with the same witnesses. */
  async verify(
    batches: AsyncIterable<readonly LogRecord[]>,
    trust: Trust,
  ): Promise<z.infer<typeof secondReportSchema>> {
    const lines: string[] = [];
    for await (const batch of batches) lines.push(...batch.map(formatExportLine));
    const [key = ''] = trust.keys;
    const output = await this.run([
      `-export=${await this.write('export.ndjson', `${lines.join('\n')}\n`)}`,
      `-anchors=${await this.write('anchors.json', JSON.stringify(trust.anchors))}`,
      `-receipts=${await this.write('receipts.json', JSON.stringify(trust.receipts))}`,
      `-origin=${trust.origin ?? ''}`,
      `-key=${key}`,
    ]);
    return secondReportSchema.parse(JSON.parse(output));
  }

  /** Whether it takes each proof for valid; hashes are hex. */
  async judgeProofs(claims: readonly object[]): Promise<boolean[]> {
    const output = await this.run(['proofs'], claims.map((claim) => JSON.stringify(claim)).join('\n'));
    return z.array(z.boolean()).parse(JSON.parse(`[${output.trim().replaceAll('\n', ',')}]`));
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
