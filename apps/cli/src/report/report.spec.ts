import { describe, expect, it } from '@jest/globals';
import {
  type AuditBody,
  type CompactRange,
  CompactRange as Tree,
  encodeBody,
  hashOfSpan,
  inclusionSpans,
  leafHash,
  type LogRecord,
  columnsOf,
  EXPORT_FORMAT,
  reportClaims,
  reportEntries,
  reportNoteText,
  signCheckpoint,
  signedReportSchema,
  signNote,
} from '@scc/audit';
import { CliError } from '../exit.js';
import { aSigner, ORIGIN } from '../log.fixture.js';
import { checkAgainstLog, checkReport, reportIn } from './check.js';
import { type ControlMap, jsonTextOf, mapHash, readMap, type ReportFile } from './file.js';
import { reportPageOf } from './page.js';
import { SECTIONS } from './sections.js';

const signer = aSigner();
const period = { from: '2026-03-10T00:00:00.000Z', to: '2026-03-11T00:00:00.000Z' };
const NOON = Date.parse('2026-03-10T12:00:00.000Z');

const body = (
  index: number,
  action: string,
  object: AuditBody['object'],
  details: AuditBody['details'],
): AuditBody => ({
  ...{ v: 1, id: `ENTRY${index}`, occurredAt: new Date(NOON + index * 1000).toISOString(), actor: { name: 'ana' } },
  ...{ action, object, requestId: null, details },
});
const plan = { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' };
const scc = { kind: 'SecurityContextConstraints', name: 'anyuid' };
const place = { workflowId: 'w', runId: 'r', phase: 'Rejected', at: new Date(NOON).toISOString() };
const bodies: AuditBody[] = [
  body(0, 'scc.observed', scc, { version: '1', contentHash: 'abc' }),
  body(1, 'access.granted', { kind: 'RoleBinding', name: '1' }, { role: 'auditor' }),
  body(2, 'migration.evaluated', plan, {
    ...{
      uid: 'u-1',
      author: 'ana',
      contentHash: 'c',
      requestHash: 'r',
      workload: { kind: 'Deployment', name: 'ledger' },
    },
  }),
  body(3, 'migration.event.FactsGathered', plan, {
    ...{ uid: 'u-1', ...place, sequence: 1 },
    event: { type: 'FactsGathered', sourceSCC: 'anyuid', targetSCC: 'restricted-v2' },
  }),
  body(4, 'migration.event.PlanRejected', plan, {
    ...{ uid: 'u-1', ...place, sequence: 2 },
    event: { type: 'PlanRejected', violations: [{ code: 'SCC_REFUSES', message: '</script><b>&"' }] },
  }),
];
const leaves = bodies.map((one) => leafHash(encodeBody(one)));

/** The log of these entries, and the report that governance makes of it. */
async function aReport(controls: ControlMap | null = null, left: readonly string[] = []): Promise<ReportFile> {
  const range: CompactRange = Tree.empty();
  for (const leaf of leaves) range.append(leaf);
  const checkpoint = signCheckpoint({ origin: ORIGIN, size: range.size, root: range.root() }, [signer]);
  const needed = reportEntries(bodies, period);
  const held = bodies.filter(({ id }) => needed.has(id) && !left.includes(id));
  const entries = await Promise.all(
    held.map(async (one) => {
      const index = bodies.indexOf(one);
      const path = await Promise.all(
        inclusionSpans(index, bodies.length).map((span) =>
          hashOfSpan(span, (_level, { start, end }) => Promise.resolve(leaves.slice(start, end))),
        ),
      );
      const bytes = encodeBody(one);
      const proved = { entryId: one.id, body: bytes.toString('base64'), leafHash: leafHash(bytes).toString('hex') };
      return { ...proved, index, path: path.map((hash) => hash.toString('hex')) };
    }),
  );
  const document = {
    ...{ version: 1, generatedAt: period.to, period, namespaces: null, map: mapHash(controls) },
    ...{ claims: reportClaims(held, period), audit: { checkpoint, entries } },
  };
  const signature = signNote(reportNoteText(ORIGIN, document, period), [signer]);
  return { ...signedReportSchema.parse(JSON.parse(JSON.stringify({ document, signature }))), controls };
}

const MAP = 'deploy/report-maps/cis-openshift.yaml';

/** What a reader finds in a file. */
function problemsIn(text: string, vkey = signer.vkey): string[] {
  try {
    const { file, problems } = reportIn(text);
    return [...problems, ...checkReport(file, vkey).problems];
  } catch (error) {
    if (error instanceof CliError) return [error.message];
    throw error;
  }
}

describe('the outcome of a migration', () => {
  const cell = new Map(SECTIONS.migrations.columns).get('Outcome');
  it.each([
    [null, 'not ended'],
    ['completed', 'completed'],
    ['notObserved', 'completed, not observed'],
  ])('%s reads %s', (outcome, said) => {
    expect(cell?.({ outcome, failedUndoSteps: 0 })).toBe(said);
  });
});

describe('a report', () => {
  it('is valid as JSON and as a page, with the key that signed it', async () => {
    const file = await aReport(await readMap(MAP));
    for (const text of [jsonTextOf(file), reportPageOf(file)]) expect(problemsIn(text)).toEqual([]);
    expect(checkReport(file, signer.vkey)).toMatchObject({
      ...{ signedBy: signer.vkey, entries: { proved: 4, unsealed: 0 } },
      claims: { runs: 1, contents: 1, migrations: 1 },
    });
    expect(checkReport(file, null)).toMatchObject({ signedBy: null, problems: [] });
    expect(problemsIn(jsonTextOf(file), aSigner().vkey)).toContain('the report is not signed by the given key');
  });

  it('shows the text of the log as text', async () => {
    const page = reportPageOf(await aReport(await readMap(MAP)));
    expect(page).not.toContain('</script><b>');
    expect(page).toContain('&lt;/script&gt;&lt;b&gt;&amp;&quot;');
    expect(page).toContain('Controls: 5.2.1');
    expect(page).toContain('does not mean that it is met');
  });

  it('is found changed at every byte', async () => {
    const file = await aReport(await readMap(MAP));
    for (const text of [jsonTextOf(file), reportPageOf(file)]) {
      const bytes = Buffer.from(text);
      const unnoticed: number[] = [];
      // A step that shares no factor with the widths in the file meets every kind of place.
      for (let at = 0; at < bytes.length; at += 37) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 1;
        if (problemsIn(changed.toString('utf8')).length === 0) unnoticed.push(at);
      }
      expect(unnoticed).toEqual([]);
    }
  }, 120_000);

  it('names a claim that its entries do not hold, also when the right key signed it', async () => {
    const file = await aReport();
    const [migration, ...rest] = file.document.claims.migrations;
    const claims = { ...file.document.claims, migrations: [{ ...migration, author: 'bob' }, ...rest] };
    const document = { ...file.document, claims };
    const signature = signNote(reportNoteText(ORIGIN, document, period), [signer]);
    expect(checkReport({ ...file, document, signature }, signer.vkey).problems).toEqual([
      'not proved by an entry: migrations 1: author',
    ]);
  });

  it('names an entry that was exchanged', async () => {
    const file = await aReport();
    const [first, ...rest] = file.document.audit.entries;
    if (!first) throw new Error('a report without entries');
    const bytes = Buffer.from(first.body, 'base64').toString().replace('abc', 'abd');
    const entry = { ...first, body: Buffer.from(bytes).toString('base64') };
    const document = { ...file.document, audit: { ...file.document.audit, entries: [entry, ...rest] } };
    expect(checkReport({ ...file, document }, null).problems).toEqual(
      expect.arrayContaining([
        'the report was changed after it was signed',
        'audit entry ENTRY0: the hash is not that of its bytes',
      ]),
    );
  });

  it('says of a note that is not spelled as it must be that it is malformed', async () => {
    const file = await aReport();
    const audit = { ...file.document.audit, checkpoint: 'no note' };
    const problems = checkReport(
      { ...file, signature: 'no note', document: { ...file.document, audit } },
      null,
    ).problems;
    expect(problems).toEqual(expect.arrayContaining(['the signature is malformed', 'the checkpoint is malformed']));
  });

  it('is valid without the section of campaigns, as one from before there was any, and then shows none', async () => {
    const file = await aReport(await readMap(MAP));
    const { campaigns: _none, ...claims } = file.document.claims;
    const document = { ...file.document, claims };
    const earlier = { ...file, document, signature: signNote(reportNoteText(ORIGIN, document, period), [signer]) };
    for (const text of [jsonTextOf(earlier), reportPageOf(earlier)]) expect(problemsIn(text)).toEqual([]);
    expect(checkReport(earlier, signer.vkey).claims).toMatchObject({ runs: 1, campaigns: null });
    expect(reportPageOf(earlier)).not.toContain('<h2>Campaigns');
    const { migrations: _told, ...fewer } = claims;
    expect(problemsIn(jsonTextOf({ ...earlier, document: { ...document, claims: fewer } } as never))[0]).toContain(
      'this is not a report',
    );
    expect(problemsIn(jsonTextOf({ ...file, document }))).toContain('the report was changed after it was signed');
  });

  it('does not take another mapping than the one that was named', async () => {
    const file = await aReport(await readMap(MAP));
    expect(checkReport({ ...file, controls: null }, null).problems).toEqual([
      'the mapping to controls is not the one that was named',
    ]);
  });
});

describe('the whole log beside a report', () => {
  async function* exported(records: readonly LogRecord[]): AsyncGenerator<readonly LogRecord[]> {
    yield await Promise.resolve(records);
  }
  const logOf = (file: ReportFile, over: readonly AuditBody[] = bodies): LogRecord[] => {
    const exportedAt = period.to;
    const note = file.document.audit.checkpoint ?? '';
    return [
      { t: 'header', format: EXPORT_FORMAT, origin: ORIGIN, keys: [signer.vkey], exportedAt },
      ...over.map((one, index): LogRecord => {
        const bytes = encodeBody(one);
        const leaf = leaves[index] ?? leafHash(bytes);
        return {
          ...{ t: 'entry', index, sealed: leaf },
          entry: { row: index + 1, leaf, body: bytes, columns: columnsOf(one) },
        };
      }),
      { t: 'checkpoint', size: bodies.length, note },
      { t: 'end', sealed: over.length, unsealed: 0, checkpoints: 1, rows: 0 },
    ];
  };

  it('agrees with it', async () => {
    const file = await aReport();
    expect(await checkAgainstLog(file, exported(logOf(file)), [signer.vkey])).toEqual({ log: 'clean', problems: [] });
  });

  it('names an entry that the report leaves out, though governance signed it', async () => {
    const file = await aReport(null, ['ENTRY4']);
    expect(checkReport(file, signer.vkey).problems).toEqual([]);
    const { problems } = await checkAgainstLog(file, exported(logOf(file)), [signer.vkey]);
    expect(problems).toEqual(['audit entry ENTRY4: the log holds it, the report leaves it out']);
  });

  it('names an entry of the log that was changed since', async () => {
    const file = await aReport();
    const changed = bodies.map((one) => (one.id === 'ENTRY2' ? { ...one, actor: { name: 'eve' } } : one));
    const { log, problems } = await checkAgainstLog(file, exported(logOf(file, changed)), [signer.vkey]);
    expect(log).toBe('tampered');
    expect(problems).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^the log: body-edited at ENTRY2/),
        'audit entry ENTRY2: the log does not hold it as the report does',
      ]),
    );
  });
});
