import { auditBodySchema, hashOf } from '@scc/audit';
import { z } from 'zod';

/** The claims of a proof document, as far as its entries can show them. */
export const claimsSchema = z.object({
  plan: z.looseObject({ uid: z.string() }),
  approvals: z
    .array(
      z.looseObject({
        contentHash: z.string(),
        decisions: z.array(z.looseObject({ approver: z.string(), role: z.string(), decision: z.string() })),
      }),
    )
    .optional(),
  steps: z.array(z.looseObject({ entryId: z.string(), step: z.string(), allowed: z.boolean() })).optional(),
  events: z
    .array(
      z.looseObject({
        ...{ entryId: z.string(), runId: z.string(), sequence: z.int(), phase: z.string(), at: z.string() },
        event: z.looseObject({ type: z.string() }),
      }),
    )
    .optional(),
  outcome: z.looseObject({ phase: z.string(), traffic: z.unknown().optional() }),
  pods: z.array(z.looseObject({ name: z.string(), scc: z.string().nullable() })),
  audit: z.object({ entries: z.array(z.looseObject({ entryId: z.string(), body: z.string() })) }),
});
type Claims = z.infer<typeof claimsSchema>;

interface Entry {
  action: string;
  actor: string;
  details: Record<string, unknown>;
}

const detailsSchema = z.record(z.string(), z.unknown()).catch({});

/** Null for what is no JSON: such an entry proves nothing. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function entriesOf({ plan, audit }: Claims): Map<string, Entry> {
  const found = new Map<string, Entry>();
  for (const { entryId, body } of audit.entries) {
    const parsed = auditBodySchema.safeParse(jsonIn(Buffer.from(body, 'base64').toString('utf8'))).data;
    const details = detailsSchema.parse(parsed?.details);
    if (parsed?.id === entryId && details['uid'] === plan.uid)
      found.set(entryId, { action: parsed.action, actor: parsed.actor.name, details });
  }
  return found;
}

/**
 * Compares each claim of a document with the entries inside it.
 * @returns claims that no entry holds, by name.
 */
export function unprovedClaims(claims: Claims): string[] {
  const entries = entriesOf(claims);
  return [
    ...unprovedDecisions(claims, [...entries.values()]),
    ...unprovedSteps(claims, entries),
    ...unprovedEvents(claims, entries),
    ...unprovedOutcome(claims),
  ];
}

const unprovedDecisions = ({ approvals = [] }: Claims, entries: readonly Entry[]): string[] =>
  approvals.flatMap(({ contentHash, decisions }) =>
    decisions
      .filter(({ approver, role, decision }) => {
        const action = decision === 'approve' ? 'approval.granted' : 'approval.refused';
        return !entries.some(
          (entry) =>
            entry.action === action &&
            entry.actor === approver &&
            entry.details['role'] === role &&
            entry.details['contentHash'] === contentHash,
        );
      })
      .map(({ approver, role, decision }) => `approval: that ${approver} decided ${decision} as ${role}`),
  );

const unprovedSteps = ({ steps = [] }: Claims, entries: ReadonlyMap<string, Entry>): string[] =>
  steps
    .filter(({ entryId, step, allowed }) => {
      const entry = entries.get(entryId);
      const action = allowed ? 'step.allowed' : 'step.refused';
      return entry?.action !== action || entry.details['step'] !== step;
    })
    .map(({ step, allowed }) => `step: that ${step} was ${allowed ? 'allowed' : 'refused'}`);

const unprovedEvents = ({ events = [] }: Claims, entries: ReadonlyMap<string, Entry>): string[] =>
  events
    .filter(({ entryId, event, ...place }) => {
      const details = entries.get(entryId)?.details ?? {};
      const isThere = (['runId', 'sequence', 'phase', 'at'] as const).every((key) => details[key] === place[key]);
      const kept = details['event'];
      const hash = z.object({ sha256: z.string() }).safeParse(kept).data?.sha256;
      return !isThere || (hash ?? hashOf(kept)) !== hashOf(event);
    })
    .map(({ event, sequence }) => `event: ${event.type} (${sequence})`);

const podsSchema = z.object({ pods: z.array(z.object({ name: z.string(), scc: z.string().nullable() })) });
const trafficSchema = z.object({ traffic: z.unknown() });

/** Outcome, traffic and pods follow from the events; a document without events shows none of them. */
function unprovedOutcome({ events, outcome, pods }: Claims): string[] {
  if (events === undefined) return [];
  const told = events.flatMap(({ event }) => podsSchema.safeParse(event).data?.pods ?? []);
  const traffic = events.find(({ event }) => event.type === 'MigrationCompleted')?.event;
  const measured: unknown = trafficSchema.safeParse(traffic).data?.traffic ?? null;
  return [
    ...(events.some(({ phase }) => phase === outcome.phase) ? [] : [`outcome: ${outcome.phase}`]),
    ...(hashOf(outcome.traffic ?? null) === hashOf(measured) ? [] : ['traffic: requests and failures']),
    ...pods
      .filter(({ name, scc }) => !told.some((pod) => pod.name === name && pod.scc === scc))
      .map(({ name, scc }) => `pod: ${name} under ${scc ?? 'no SCC'}`),
  ];
}
