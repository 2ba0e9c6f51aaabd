import { z } from 'zod';
import { hashOf } from './canonical.js';
import { listProblems } from './differences.js';
import { type AuditBody, auditBodySchema } from './entry.js';
import { migrationClaims, type MigrationClaims, placeOfEvent } from './migration-claims.js';

const PLAN_KIND = 'SCCMigrationPlan';

const nullableText = z.string().nullable();
const podSchema = z.object({ uid: z.string(), name: z.string(), node: nullableText, scc: nullableText });
const eventSchema = z.strictObject({
  ...{ workflowId: z.string(), runId: z.string(), sequence: z.int(), phase: z.string(), at: z.string() },
  ...{ entryId: z.string(), event: z.looseObject({ type: z.string() }) },
});
type Event = z.infer<typeof eventSchema>;

/** The whole document: what it says is compared member by member, and it may say nothing else. */
const documentSchema = z.strictObject({
  version: z.literal(2),
  generatedAt: z.string(),
  plan: z.strictObject({ uid: z.string(), namespace: z.string(), name: z.string(), author: nullableText }),
  asked: z.record(z.string(), z.json()).nullable(),
  answered: z.looseObject({ entryId: z.string(), evaluatedAt: z.string() }).catchall(z.json()).nullable(),
  approvals: z.array(z.record(z.string(), z.json())),
  steps: z.array(z.record(z.string(), z.json())),
  events: z.array(eventSchema),
  outcome: z.strictObject({
    ...{ phase: z.string(), outcome: nullableText, traffic: z.json() },
    ...{ startedAt: nullableText, finishedAt: nullableText, stableSide: z.json().optional() },
  }),
  pods: z.array(podSchema.extend({ role: z.string() }).strict()),
  audit: z.strictObject({
    checkpoint: nullableText,
    entries: z.array(z.looseObject({ entryId: z.string(), body: z.string() })),
  }),
});
type Document = z.infer<typeof documentSchema>;

const isNotWhole = z.object({ version: z.undefined().optional(), events: z.undefined().optional() });

/**
 * Compares everything that a document says with what its entries say, both ways.
 * @returns what no entry holds, and what entries hold and the document leaves out, by name. Nothing for an excerpt, which
 * has neither a version nor events.
 */
export function unsaidClaims(value: unknown): string[] {
  if (isNotWhole.safeParse(value).success) return [];
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) return [`the form of the document (${z.prettifyError(parsed.error).split('\n').join(' ')})`];
  const document = parsed.data;
  const { entries, problems } = entriesOf(document);
  const claims = migrationClaims(entries, document.plan.uid);
  return [
    ...problems,
    ...(document.plan.author === claims.author
      ? []
      : [`plan: that ${document.plan.author ?? 'nobody known'} wrote it`]),
    ...evaluationProblems(document, claims),
    ...listProblems('approval', document.approvals, claims.approvals),
    ...listProblems('step', document.steps, claims.steps),
    ...eventProblems(document, entries, claims),
    ...outcomeProblems(document),
  ];
}

function entriesOf({ plan, audit }: Document): { entries: AuditBody[]; problems: string[] } {
  const entries: AuditBody[] = [];
  const problems: string[] = [];
  for (const { entryId, body } of audit.entries) {
    const parsed = auditBodySchema.safeParse(jsonIn(body)).data;
    const { namespace, name, uid } = plan;
    const isOurs =
      parsed?.id === entryId &&
      hashOf({ ...parsed.object }) === hashOf({ kind: PLAN_KIND, namespace, name }) &&
      z.looseObject({ uid: z.literal(uid) }).safeParse(parsed.details).success;
    if (isOurs) entries.push(parsed);
    else problems.push(`audit entry ${entryId}: that it is about this plan`);
  }
  return { entries, problems };
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(Buffer.from(body, 'base64').toString('utf8'));
  } catch {
    return null;
  }
}

function evaluationProblems({ asked, answered }: Document, { evaluation }: MigrationClaims): string[] {
  const { askedHash = null, answerHash = null, ...place } = evaluation ?? {};
  const { entryId, evaluatedAt, ...answer } = answered ?? {};
  const isAnswered = answered
    ? answerHash === hashOf(answer) && hashOf(place) === hashOf({ entryId, evaluatedAt })
    : answerHash === null;
  return [
    ...(askedHash === (asked && hashOf(asked)) ? [] : ['asked: the plan and what it is about']),
    ...(isAnswered ? [] : ['answered: the verdict and its reasons']),
  ];
}

/** Hashes stand for long events in the log. */
const reportedSchema = eventSchema.omit({ entryId: true }).extend({ event: z.json() }).strip();
const hashedSchema = z.object({ sha256: z.string() });

function eventProblems({ events }: Document, entries: readonly AuditBody[], { untrusted }: MigrationClaims): string[] {
  const said = new Map(
    entries.flatMap(({ id, action, details }) => {
      const reported = action.startsWith('migration.event.') ? reportedSchema.safeParse(details).data : undefined;
      return reported && !untrusted.has(placeOfEvent(reported)) ? [[id, reported] as const] : [];
    }),
  );
  const told = events.flatMap(({ entryId, event, ...place }) => {
    const reported = said.get(entryId);
    const { event: kept = null, ...where } = reported ?? {};
    const hash = hashedSchema.safeParse(kept).data?.sha256 ?? hashOf(kept);
    said.delete(entryId);
    return hash === hashOf(event) && hashOf(where) === hashOf(place)
      ? []
      : [`event: ${event.type} (${place.sequence})`];
  });
  return [...told, ...[...said.keys()].map((id) => `event: that there is no event of the audit entry ${id}`)];
}

const ENDS: Readonly<Record<string, string>> = {
  MigrationCompleted: 'completed',
  DryRunFinished: 'dryRun',
  PlanRejected: 'rejected',
  UndoFinished: 'rolledBack',
};
const ROLES: Readonly<Record<string, string>> = {
  FactsGathered: 'before',
  CanaryReady: 'canary',
  WorkloadMigrated: 'after',
};

/** Runs follow each other in time, events within a run by their sequence. */
function inOrder(events: readonly Event[]): Event[] {
  const start = (runId: string): string =>
    events.filter((event) => event.runId === runId).reduce((first, { at }) => (at < first ? at : first), '~');
  const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  return events.toSorted(
    (a, b) => compare(start(a.runId), start(b.runId)) || compare(a.runId, b.runId) || a.sequence - b.sequence,
  );
}

function outcomeProblems({ events, outcome, pods }: Document): string[] {
  const ordered = inOrder(events);
  return [...listProblems('outcome', [outcome], [outcomeOf(ordered)]), ...podProblems(ordered, pods)];
}

const withoutType = ({ type: _type, ...said }: Event['event']): object => said;

/** Outcome, traffic and what the workload's own pods were seen to get follow from the events. */
function outcomeOf(ordered: readonly Event[]): Document['outcome'] {
  const end = ordered.findLast(({ event }) => event.type in ENDS);
  const last = (type: string) => ordered.findLast(({ event }) => event.type === type)?.event;
  const completed = last('MigrationCompleted');
  const seen = last('StableSideSeen');
  return {
    phase: ordered.at(-1)?.phase ?? 'Pending',
    outcome: (end && ENDS[end.event.type]) ?? null,
    traffic: z.json().parse(completed?.['traffic'] ?? null),
    startedAt: ordered[0]?.at ?? null,
    finishedAt: end?.at ?? null,
    ...(seen && { stableSide: z.json().parse(withoutType(seen)) }),
  };
}

/** Pods follow from the events, too; what is told of one later stands for it. */
function podProblems(ordered: readonly Event[], pods: Document['pods']): string[] {
  const seen = new Map<string, unknown>();
  for (const { event } of ordered) {
    const role = ROLES[event.type];
    const told = z.object({ pods: z.array(podSchema) }).safeParse(event).data?.pods ?? [];
    if (role !== undefined) for (const pod of told) seen.set(`${role}/${pod.uid}`, { ...pod, role });
  }
  const wrong = pods.filter((pod) => hashOf(seen.get(`${pod.role}/${pod.uid}`) ?? null) !== hashOf(pod));
  return [
    ...wrong.map(({ name, scc, role }) => `pod: ${name} under ${scc ?? 'no SCC'} (${role})`),
    ...(pods.length === seen.size ? [] : [`pods: ${pods.length} of them, the events hold ${seen.size}`]),
  ];
}
