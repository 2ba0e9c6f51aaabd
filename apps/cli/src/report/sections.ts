import { REPORT_SECTIONS, type ReportSection } from '@scc/audit';
import { z } from 'zod';
import type { ReportFile } from './file.js';

type Claim = Readonly<Record<string, unknown>>;

/** How a section is shown: as a table, a cell for each column. */
export interface Section {
  title: string;
  /** Said where there is nothing. */
  none: string;
  columns: [title: string, cell: (claim: Claim) => string][];
}

const listSchema = z.array(z.unknown());
const versionedSchema = z.object({ scc: z.string(), version: z.string().nullable() });
const decisionsSchema = z.array(z.object({ approver: z.string(), role: z.string(), decision: z.string() }));
const needsSchema = z.array(z.object({ role: z.string(), count: z.int() }));
const undoSchema = z.object({ cause: z.string(), message: z.string() });
const reviewSchema = z.object({ by: z.string(), at: z.string(), text: z.string() });
const wavesSchema = z.array(
  z.object({
    ...{ wave: z.int(), workloads: z.int(), completed: z.int(), failed: z.int(), fourEyes: z.string().nullable() },
    approvals: z.array(z.object({ by: z.string(), withdrawnBy: z.string().nullable() })),
  }),
);
const budgetsSchema = z.array(z.object({ at: z.string(), failed: z.int(), budget: z.int() }));
const commandsSchema = z.array(z.object({ what: z.string(), by: z.string(), at: z.string() }));
const targetSchema = z.object({ namespace: z.string(), kind: z.string(), name: z.string() });

/** A member as text; empty for what is absent. */
const text = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
const of =
  (...members: string[]) =>
  (claim: Claim): string =>
    members
      .map((member) => text(claim[member]))
      .filter((one) => one !== '')
      .join(' ');
const list =
  (member: string) =>
  (claim: Claim): string =>
    (listSchema.safeParse(claim[member]).data ?? []).map(text).join(', ');
const plan = (claim: Claim): string => `${text(claim['namespace'])}/${text(claim['name'])}`;
const workload = (claim: Claim): string => `${text(claim['kind'])} ${plan(claim)}`;
const span = (claim: Claim): string => `${text(claim['from'])} to ${text(claim['to']) || 'the end of the period'}`;
const versioned = ({ scc, version }: z.infer<typeof versionedSchema>): string =>
  version === null ? scc : `${scc} (version ${version})`;
const named = (member: string) => (claim: Claim) => {
  const content = versionedSchema.safeParse(claim[member]).data;
  return content ? versioned(content) : '';
};
const contentOf = (claim: Claim): string => {
  const content = versionedSchema.safeParse(claim).data;
  const doubt = claim['isVersionCertain'] === false ? ', edited at about that time' : '';
  return content ? `${versioned(content)}${doubt}` : '';
};
const evidence: Section['columns'][number] = ['Entries', list('entries')];

const outcome = (claim: Claim): string => {
  const undo = undoSchema.safeParse(claim['undo']).data;
  const why = [
    undo && `${undo.cause}: ${undo.message}`,
    list('violations')(claim),
    text(claim['untrusted']) && `an end that does not count: ${text(claim['untrusted'])}`,
    claim['failedUndoSteps'] === 0 ? '' : `${text(claim['failedUndoSteps'])} failed steps of the undo`,
  ].filter(Boolean);
  const end = text(claim['outcome']) || 'not ended';
  return [end === 'notObserved' ? 'completed, not observed' : end, ...why].join('; ');
};
const decisions = (claim: Claim): string =>
  (decisionsSchema.safeParse(claim['decisions']).data ?? [])
    .map(({ approver, role, decision }) => `${approver} as ${role}: ${decision}`)
    .join(', ');
const needs = (claim: Claim): string =>
  (needsSchema.safeParse(claim['needs']).data ?? []).map(({ role, count }) => `${count} × ${role}`).join(', ');
const review = (claim: Claim): string => {
  const made = reviewSchema.safeParse(claim['review']).data;
  return made ? `${made.by} at ${made.at}: ${made.text}` : 'not reviewed';
};
const waves = (claim: Claim): string =>
  (wavesSchema.safeParse(claim['waves']).data ?? [])
    .map(({ wave, workloads, completed, failed, approvals, fourEyes }) => {
      const approved = approvals.map(({ by, withdrawnBy }) => (withdrawnBy === null ? by : `${by}, withdrawn`));
      const eyes = fourEyes === null ? '' : `; four eyes ${fourEyes}`;
      return `${wave}: ${completed} of ${workloads} moved, ${failed} failed; approved by ${approved.join(', ') || 'nobody'}${eyes}`;
    })
    .join(' | ');
const budget = (claim: Claim): string =>
  (budgetsSchema.safeParse(claim['budgetSpent']).data ?? [])
    .map(({ at, failed, budget: most }) => `spent at ${at}: ${failed} failed, ${most} allowed`)
    .join(', ');
const commands = (claim: Claim): string =>
  (commandsSchema.safeParse(claim['commands']).data ?? [])
    .map(({ what, by, at }) => `${what} by ${by} at ${at}`)
    .join(', ');
const target = (claim: Claim): string => {
  const on = targetSchema.safeParse(claim['target']).data;
  return on ? `${on.kind} ${on.namespace}/${on.name}` : '';
};

export const SECTIONS: Readonly<Record<ReportSection, Section>> = {
  runs: {
    title: 'What ran under which SCC',
    none: 'The log says of no workload under what it ran.',
    columns: [
      ['Workload', workload],
      ['SCC', contentOf],
      ['When', span],
      ['Because', of('because')],
      ['Plan', of('plan')],
      ['Content', of('contentHash')],
      evidence,
    ],
  },
  contents: {
    title: 'The SCCs of the cluster',
    none: 'The log says of no SCC that the cluster had it.',
    columns: [
      ['SCC', contentOf],
      ['When', span],
      ['Not seen from', of('unseenFrom')],
      ['Content', of('contentHash')],
      evidence,
    ],
  },
  migrations: {
    title: 'Migrations',
    none: 'There was none.',
    columns: [
      ['Plan', plan],
      ['Workload', of('workload')],
      ['Author', of('author')],
      ['From', of('source')],
      ['To', of('target')],
      ['Outcome', outcome],
      ['Began', of('startedAt')],
      ['Ended', of('finishedAt')],
      evidence,
    ],
  },
  campaigns: {
    title: 'Campaigns',
    none: 'There was none.',
    columns: [
      ['Campaign', of('name')],
      ['Author', of('author')],
      ['Created', of('createdAt')],
      ['Outcome', of('outcome', 'message')],
      ['Ended', of('endedAt')],
      ['Waves', waves],
      ['Budget', budget],
      ['Commands', commands],
      evidence,
    ],
  },
  approvals: {
    title: 'Who approved what',
    none: 'Nothing had to be approved.',
    columns: [
      ['Plan', plan],
      ['Authors', list('authors')],
      ['Needed', needs],
      ['Decided', decisions],
      ['Four eyes', of('fourEyes')],
      ['Asked', of('requestedAt')],
      evidence,
    ],
  },
  exceptions: {
    title: 'Exceptions from policies',
    none: 'There was none.',
    columns: [
      ['Policy', of('policy')],
      ['For', target],
      ['Reason', of('reason')],
      ['Asked by', of('requestedBy', 'requestedAt')],
      ['Agreed by', of('approvedBy', 'approvedAt')],
      ['Revoked by', of('revokedBy', 'revokedAt')],
      ['Until', of('expiresAt')],
      ['Plans', list('plans')],
      evidence,
    ],
  },
  breakGlass: {
    title: 'Approvals that were not waited for (break-glass)',
    none: 'There was none.',
    columns: [
      ['Plan', plan],
      ['Used by', of('usedBy', 'usedAt')],
      ['Reason', of('reason')],
      ['Review', review],
      evidence,
    ],
  },
  unplanned: {
    title: 'Changes without a plan',
    none: 'There was none.',
    columns: [
      ['Workload', workload],
      ['From', named('from')],
      ['To', named('to')],
      ['How', of('reason', 'relation')],
      ['By', of('user', 'manager')],
      ['Since', of('since')],
      evidence,
    ],
  },
  stops: {
    title: 'Emergency stops',
    none: 'There was none.',
    columns: [
      ['Namespace', (claim) => text(claim['namespace']) || 'all'],
      ['Set by', of('setBy', 'setAt')],
      ['Reason', of('reason')],
      ['Lifted by', of('liftedBy', 'liftedAt')],
      ['Because', of('liftReason')],
      evidence,
    ],
  },
  log: {
    title: 'What contradicted the log',
    none: 'Nothing did.',
    columns: [
      ['At', of('at')],
      ['What', of('what')],
      ['By', of('by')],
      ['Reason', of('reason')],
      ['Rows', list('rows')],
      evidence,
    ],
  },
};

/** The sections of a report: one that was made by an earlier version may have fewer. */
export const sectionsOf = ({ document }: ReportFile): ReportSection[] =>
  REPORT_SECTIONS.filter((section) => document.claims[section] !== undefined);

/** The rows of a section of a report. */
export const rowsOfSection = ({ document }: ReportFile, section: ReportSection): string[][] =>
  (document.claims[section] ?? []).map((claim) => SECTIONS[section].columns.map(([, cell]) => cell(claim)));
