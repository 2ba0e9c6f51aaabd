import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { canonicalBytes, encodeBody, leafHash, type LogRecord, signCheckpoint, signNote } from '@scc/audit';
import { defaultSCCs } from '@scc/scc';
import { aLog, aSigner, exportText, ORIGIN } from './log.fixture.js';

// Every test starts processes, some of them several.
jest.setTimeout(60_000);

const root = path.resolve(import.meta.dirname, '../../..');
const signer = aSigner();
const log = aLog(40, signer);
let folder: string;
beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: root });
  folder = await mkdtemp(path.join(tmpdir(), 'sccctl-'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function file(content: string): Promise<string> {
  files += 1;
  const name = path.join(folder, `file-${files}`);
  await writeFile(name, content);
  return name;
}

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs the command as a person would, in an environment that knows no cluster. */
function sccctl(...args: string[]): Promise<Ran> {
  const command = ['apps/cli/dist/main.js', ...args];
  const env = { PATH: process.env['PATH'], HOME: folder };
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, env }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

type Known = Partial<Record<'key' | 'origin' | 'receipts' | 'anchors' | 'since', string>>;

async function verify(records: readonly LogRecord[], known: Known = {}, format = 'json'): Promise<Ran> {
  const options = Object.entries({ key: signer.vkey, ...known }).flatMap(([name, value]) => [`--${name}`, value]);
  return sccctl('-o', format, 'audit', 'verify', '--export', await file(exportText(records)), ...options);
}

const withEdit = (records: readonly LogRecord[], index: number): LogRecord[] =>
  records.map((record) =>
    record.t === 'entry' && record.index === index && record.entry
      ? { ...record, entry: { ...record.entry, body: Buffer.from(record.entry.body.toString().replace('ana', 'eve')) } }
      : record,
  );

describe('sccctl audit verify', () => {
  it('ends with 0 for a clean log', async () => {
    const receipts = await file(JSON.stringify(log.receipts));
    const anchors = await file(JSON.stringify([{ source: 'a note', note: log.checkpoints.get(40) }]));
    const since = await file(log.checkpoints.get(20) ?? '');
    const { code, out, err } = await verify(log.records, { receipts, anchors, since, origin: ORIGIN });
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'clean',
      findings: [],
      checked: { sealed: 40, anchors: 2, receipts: 40 },
    });
    expect(code).toBe(0);
  });

  it('ends with 2 and names the first bad entry and its fault', async () => {
    const { code, out } = await verify(withEdit(log.records, 17), {}, 'table');
    expect(out).toMatch(/verdict +tampered/);
    expect(out).toMatch(/first bad entry +entry 17 ENTRY0017/);
    expect(out).toMatch(/fault +body-edited: /);
    expect(code).toBe(2);
  });

  it('ends with 2 when the log is shorter than a checkpoint that was kept', async () => {
    const { code, out } = await verify(aLog(30, signer).records, { since: await file(log.checkpoints.get(40) ?? '') });
    expect(JSON.parse(out)).toMatchObject({ verdict: 'tampered', first: { fault: 'rolled-back', index: 30 } });
    expect(code).toBe(2);
  });

  it('uses the receipts that it kept of the caller’s own changes, of this log and of no other', async () => {
    const state = path.join(folder, '.local', 'state', 'sccctl');
    const [receipt] = log.receipts;
    const checkpoint = log.checkpoints.get(40) ?? '';
    const keep = async (...receipts: object[]): Promise<void> => {
      await mkdir(state, { recursive: true });
      const lines = receipts.map((one) => JSON.stringify({ ...receipt, ...one }));
      await writeFile(path.join(state, 'receipts.jsonl'), `${lines.join('\n')}\n{"entryId":"cut`);
    };
    const other = aLog(10, aSigner()).checkpoints.get(10) ?? '';
    await keep({ index: null, checkpoint }, { entryId: 'ELSEWHERE', leafHash: 'ab'.repeat(32), checkpoint: other });
    expect(JSON.parse((await verify(log.records)).out)).toMatchObject({ verdict: 'clean', checked: { receipts: 1 } });
    await keep({ entryId: 'DELETED', leafHash: 'cd'.repeat(32), index: null, checkpoint });
    const { code, out } = await verify(log.records);
    expect(JSON.parse(out)).toMatchObject({
      verdict: 'tampered',
      first: { fault: 'receipt-missing', entryId: 'DELETED' },
    });
    expect(code).toBe(2);
    const text = await file(exportText(log.records));
    const without = await sccctl('audit', 'verify', '--export', text, '--key', signer.vkey, '--no-kept');
    expect(without.code).toBe(0);
    await rm(state, { recursive: true });
  });

  it('takes a receipt of another log for no fault of this one', async () => {
    const root = Buffer.alloc(32, 1);
    const elsewhere = aSigner('scc.poc/elsewhere');
    const checkpoint = signCheckpoint({ origin: 'scc.poc/elsewhere', size: 7, root }, [elsewhere]);
    const held = { entryId: 'ELSEWHERE', leafHash: 'ab'.repeat(32), index: null };
    const given = async (receipt: object) =>
      JSON.parse((await verify(log.records, { receipts: await file(JSON.stringify([receipt])) })).out) as unknown;
    expect(await given({ ...held, checkpoint })).toMatchObject({
      verdict: 'incomplete',
      first: { fault: 'anchor-unusable', message: expect.stringContaining('scc.poc/elsewhere') as unknown },
    });
    expect(await given({ ...held, checkpoint: null })).toMatchObject({
      verdict: 'tampered',
      first: { fault: 'receipt-missing', entryId: 'ELSEWHERE' },
    });
  });

  it('ends with 3 for an export that was cut', async () => {
    const { code, out } = await verify(log.records.slice(0, -1));
    expect(JSON.parse(out)).toMatchObject({ verdict: 'incomplete', first: { fault: 'export-truncated' } });
    expect(code).toBe(3);
    const cut = await file(exportText(log.records).slice(0, 5_000));
    expect(await sccctl('audit', 'verify', '--export', cut)).toMatchObject({ code: 3 });
  });

  it('says that nothing was checked without a key, and ends with 3', async () => {
    const cut = await file(exportText(log.records));
    const { code, out } = await sccctl('audit', 'verify', '--export', cut);
    expect(out).toMatch(/warning +no-anchor/);
    expect(out).toMatch(/warning +no-pinned-key/);
    expect(out).toMatch(/verdict +not checked/);
    expect(code).toBe(3);
    const json = await sccctl('-o', 'json', 'audit', 'verify', '--export', cut);
    expect(JSON.parse(json.out)).toMatchObject({ verdict: 'not checked' });
  });

  it('keeps what it confirmed for the next time, and only that', async () => {
    const head = path.join(folder, 'head');
    const clean = await file(exportText(log.records));
    await sccctl('audit', 'verify', '--export', clean, '--key', signer.vkey, '--save-head', head);
    expect(await readFile(head, 'utf8')).toBe(log.checkpoints.get(40));
    const unchecked = await file(exportText(aLog(60, signer).records));
    await sccctl('audit', 'verify', '--export', unchecked, '--save-head', head);
    expect(await readFile(head, 'utf8')).toBe(log.checkpoints.get(40));
    const bad = await file(exportText(withEdit(aLog(60, signer).records, 3)));
    await sccctl('audit', 'verify', '--export', bad, '--key', signer.vkey, '--save-head', head);
    expect(await readFile(head, 'utf8')).toBe(log.checkpoints.get(40));
  });

  it.each<[string, string[], number, RegExp]>([
    ['a file that is not there', ['--export', '/nowhere'], 1, /--export: .*\/nowhere/],
    ['a key that is none', ['--export', '/dev/null', '--key', 'a+00000000+b'], 1, /--key: .*\nWrite it as NAME/],
    ['anchors that are none', ['--export', '/dev/null', '--anchors', 'package.json'], 1, /--anchors: package\.json/],
    ['two sources', ['--online', '--export', '/dev/null'], 64, /exclude each other/],
    ['no source', [], 1, /--server: governance is not known\nPass --server/],
    ['an unknown option', ['--fast'], 64, /unknown option '--fast'/],
  ])('names %s', async (_what, args, code, message) => {
    const ran = await sccctl('audit', 'verify', ...args);
    expect(ran.err).toMatch(message);
    expect(ran.code).toBe(code);
  });
});

describe('sccctl plan lint', () => {
  const plan = (spec: object): string =>
    JSON.stringify({
      apiVersion: 'scc.poc/v1',
      kind: 'SCCMigrationPlan',
      metadata: { name: 'p', namespace: 'shop' },
      spec,
    });
  const workload = (securityContext: object): string =>
    JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'ledger', namespace: 'shop' },
      spec: { template: { spec: { containers: [{ name: 'app', image: 'ledger:1', securityContext }] } } },
    });
  const ref = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' };

  it('passes a plan and shows the patch of its workload', async () => {
    const args = [await file(plan(ref)), '--workload', await file(workload({ runAsUser: 0 }))];
    const { code, out } = await sccctl('-o', 'json', 'plan', 'lint', ...args);
    expect(JSON.parse(out)).toMatchObject([
      {
        plan: 'shop/p',
        violations: [],
        patch: { spec: { containers: [{ name: 'app', securityContext: { runAsUser: null } }] } },
      },
    ]);
    expect(code).toBe(0);
    const own = {
      ...defaultSCCs().find(({ metadata }) => metadata.name === 'restricted-v2'),
      metadata: { name: 'own' },
    };
    const list = await file(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [own] }));
    expect((await sccctl('plan', 'lint', await file(plan({ ...ref, targetSCC: 'own' })), '--sccs', list)).code).toBe(0);
    const absent = await sccctl('plan', 'lint', await file(plan(ref)), '--sccs', list);
    expect(absent.out).toMatch(/spec\.targetSCC +SCCNotFound +there is no SCC restricted-v2 +Name one of own\./);
  });

  it.each(['StatefulSet', 'DaemonSet', 'CronJob'] as const)(
    'shows the patch of a %s, and recommend finds what it fits now and the same target',
    async (kind) => {
      const template = {
        spec: { containers: [{ name: 'app', image: 'ledger:1', securityContext: { runAsUser: 0 } }] },
      };
      const apiVersion = kind === 'CronJob' ? 'batch/v1' : 'apps/v1';
      const spec = kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template };
      const own = await file(
        JSON.stringify({ apiVersion, kind, metadata: { name: 'ledger', namespace: 'shop' }, spec }),
      );
      const named = { ...ref, workloadRef: { apiVersion, kind, name: 'ledger' } };
      const linted = await sccctl('-o', 'json', 'plan', 'lint', await file(plan(named)), '--workload', own);
      expect(JSON.parse(linted.out)).toMatchObject([
        { violations: [], patch: { spec: { containers: [{ name: 'app', securityContext: { runAsUser: null } }] } } },
      ]);
      const { code, out } = await sccctl('-o', 'json', 'recommend', '-f', own);
      const [found] = JSON.parse(out) as {
        workload: { kind: string };
        leastPrivileged: string;
        stricter: { target: string }[];
      }[];
      expect([found?.workload.kind, found?.leastPrivileged, found?.stricter[0]?.target]).toEqual([
        kind,
        'anyuid',
        'restricted-v2',
      ]);
      expect([linted.code, code]).toEqual([0, 0]);
    },
  );

  it.each<[string, object, object | null, string[]]>([
    [
      'every bad field at once',
      { ...ref, traffic: { weights: [10, 10, 50] } },
      null,
      ['spec.traffic.weights[1]', 'spec.traffic.weights[2]'],
    ],
    ['a field that is not there', { targetSCC: 'x' }, null, ['spec.workloadRef']],
    [
      'a patch that the plan does not allow',
      { ...ref, podSecurity: { mode: 'Require' } },
      { runAsUser: 0 },
      ['spec.podSecurity.patch'],
    ],
  ])('names %s', async (_what, spec, context, violated) => {
    const extra = context ? ['--workload', await file(workload(context))] : [];
    const { code, out } = await sccctl('-o', 'json', 'plan', 'lint', await file(plan(spec)), ...extra);
    const [result] = JSON.parse(out) as { violations: { field: string; remedy: string }[] }[];
    expect(result?.violations.map(({ field }) => field)).toEqual(violated);
    expect(result?.violations.every(({ remedy }) => remedy.length > 10)).toBe(true);
    expect(code).toBe(4);
  });

  it('tells a file without a plan from a plan without faults', async () => {
    expect(await sccctl('plan', 'lint', await file(workload({})))).toMatchObject({ code: 4 });
    expect(await sccctl('plan', 'lint', '/nowhere')).toMatchObject({ code: 1 });
    expect(await sccctl('plan', 'lint', await file('a: [b'))).toMatchObject({ code: 4 });
  });
});

describe('sccctl explain', () => {
  it('says cause and remedy without a cluster', async () => {
    const { code, out } = await sccctl('explain', 'Blocked.runAsUser');
    expect(out).toMatch(/cause +a container asks for a user id/);
    expect(out).toMatch(/remedy +leave runAsUser out/);
    expect(code).toBe(0);
  });

  it('names codes that resemble one that does not exist', async () => {
    const { code, err } = await sccctl('explain', 'NotAdmited');
    expect(err).toMatch(/there is no code NotAdmited\nCodes like it: NotAdmitted/);
    expect(code).toBe(1);
  });
});

describe('sccctl recommend', () => {
  it('finds the strictest SCC within reach of a patch', async () => {
    const { code, out, err } = await sccctl('-o', 'json', 'recommend', '-f', 'dev/samples/reports.yaml');
    expect(err).toContain('assumed: the cluster has the default SCCs');
    const [first] = JSON.parse(out) as { leastPrivileged: string; fits: { scc: string }[] }[];
    expect(first?.fits[0]?.scc).toBe(first?.leastPrivileged);
    expect(code).toBe(0);
  });
});

describe('sccctl migrations proof', () => {
  const body = encodeBody({
    v: 1,
    id: 'ENTRY',
    occurredAt: '2026-03-10T12:00:00.000Z',
    actor: { name: 'ana' },
    action: 'plan.evaluated',
    object: { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' },
    requestId: null,
    details: { uid: 'u-1' },
  });
  const entry = {
    entryId: 'ENTRY',
    body: body.toString('base64'),
    leafHash: leafHash(body).toString('hex'),
    index: null,
    path: null,
  };
  const document = {
    plan: { uid: 'u-1', namespace: 'shop', name: 'ledger' },
    outcome: { phase: 'Completed' },
    pods: [{ name: 'ledger-1', scc: 'restricted-v2' }],
    audit: { checkpoint: null, entries: [entry] },
  };
  const digest = createHash('sha256').update(canonicalBytes(document)).digest('hex');
  const proof = { document, signature: signNote(`${ORIGIN}\nmigration proof u-1\n${digest}\n`, [signer]) };
  const check = async (value: object, key = signer.vkey): Promise<Ran> =>
    sccctl('migrations', 'proof', '--file', await file(JSON.stringify(value)), '--key', key);

  it('checks a document that was kept', async () => {
    const { code, out } = await check(proof);
    expect(out).toMatch(/verdict +valid/);
    expect(code).toBe(0);
  });

  it('says that nothing was checked without the key that signs, and ends with 3', async () => {
    const { code, out } = await sccctl('migrations', 'proof', '--file', await file(JSON.stringify(proof)));
    expect(out).toMatch(/verdict +not checked/);
    expect(code).toBe(3);
  });

  it('names each claim that no entry inside holds, also when the signature is right', async () => {
    const claims = {
      ...document,
      approvals: [{ contentHash: 'c', decisions: [{ approver: 'mallory', role: 'approver', decision: 'approve' }] }],
      steps: [{ entryId: 'ENTRY', step: 'Prepare', allowed: true }],
      events: [],
    };
    const hash = createHash('sha256').update(canonicalBytes(claims)).digest('hex');
    const signature = signNote(`${ORIGIN}\nmigration proof u-1\n${hash}\n`, [signer]);
    const { code, out } = await check({ document: claims, signature });
    for (const claim of ['approval: that mallory decided', 'step: that Prepare', 'outcome: Completed', 'pod: ledger-1'])
      expect(out).toContain(`not proved by an entry: ${claim}`);
    expect(code).toBe(2);
  });

  it.each<[string, object, string, RegExp]>([
    ['was changed', { ...proof, document: { ...document, pods: [] } }, signer.vkey, /changed after it was signed/],
    ['is of another key', proof, aSigner().vkey, /not signed by the given key/],
    [
      'holds an entry with other bytes',
      { ...proof, document: { ...document, audit: { checkpoint: null, entries: [{ ...entry, body: 'AAAA' }] } } },
      signer.vkey,
      /ENTRY: the hash is not that of its bytes/,
    ],
  ])('ends with 2 when the document %s', async (_what, value, key, reason) => {
    const { code, out } = await check(value, key);
    expect(out).toMatch(reason);
    expect(code).toBe(2);
  });
});
