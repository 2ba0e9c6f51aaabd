import type { AuditBody } from '@scc/audit';
import { filledTemplate, NOTIFICATION_KINDS, type NotificationKind } from '@scc/governance-api';
import { approvalNeeds, migrationEventSchema, sentenceOf } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { z } from 'zod';

/** What a receiver is told. */
export interface Told {
  /** The id of the audit entry: the same in every attempt. */
  id: string;
  kind: NotificationKind;
  /** Null: it concerns every namespace. */
  namespace: string | null;
  name: string | null;
  text: string;
  actor: string;
  time: string;
  /** The audit log that the event is in. */
  source: string;
  details: AuditBody['details'];
}

const MAX_TEXT = 3000;
const EVENT_TYPE = 'poc.scc.';

const isKnown = (action: string): action is keyof typeof NOTIFICATION_KINDS => action in NOTIFICATION_KINDS;

/** The kind of event that an entry is; null when nothing is told of it. */
export const kindOf = (action: string): NotificationKind | null =>
  isKnown(action) ? NOTIFICATION_KINDS[action] : null;

const eventIn = z.object({ event: migrationEventSchema });
const saidIn = z.object({
  reason: z.string().nullish(),
  policy: z.string().optional(),
  takeBack: z.boolean().optional(),
  needs: z.array(z.object({ role: z.string(), count: z.number() })).optional(),
  from: z.object({ scc: z.string() }).optional(),
  to: z.object({ scc: z.string() }).optional(),
  ...{ wave: z.int().optional(), workloads: z.int().optional(), message: z.string().optional() },
  ...{ completed: z.int().optional(), failed: z.int().optional() },
  ...{ count: z.int().optional(), budget: z.int().optional() },
});
type Said = z.infer<typeof saidIn>;

const changed = ({ from, to }: Said): string =>
  `pods run under ${to?.scc ?? 'another SCC'} instead of ${from?.scc ?? 'the one before'}, and no plan says so`;

type Phrases = Partial<Record<NotificationKind, (actor: string, said: Said) => string>>;

const waveOf = ({ wave = 0, workloads }: Said): string =>
  `wave ${wave}${workloads === undefined ? '' : ` (${plural(workloads, 'workload')})`}`;

const CAMPAIGN_PHRASES: Phrases = {
  'campaign.created': (actor) => `${actor} created the campaign`,
  'campaign.approvalNeeded': (_, said) => `${waveOf(said)} waits for an approval`,
  'campaign.approved': (actor, said) => `${actor} approved ${waveOf(said)}`,
  'campaign.approvalWithdrawn': (actor, said) => `${actor} took an approval of ${waveOf(said)} away`,
  'campaign.paused': (actor) => `${actor} paused the campaign`,
  'campaign.resumed': (actor) => `${actor} let the campaign go on`,
  'campaign.abortRequested': (actor) => `${actor} aborts the campaign`,
  'campaign.waveBegun': (_, said) => `${waveOf(said)} has begun`,
  'campaign.waveEnded': (_, said) =>
    `${waveOf(said)} has ended: ${said.completed ?? 0} moved, ${said.failed ?? 0} failed`,
  'campaign.budgetSpent': (_, { count = 0, budget = 0 }) =>
    `stopped: ${count} failed, and the budget is ${budget}; no further plan is begun`,
  'campaign.completed': (_, { message = '' }) => `completed: ${message}`,
  'campaign.aborted': (_, { message = '' }) => message,
  'campaign.rejected': (_, { message = '' }) => `rejected: ${message}`,
  'campaign.deleted': () => 'the campaign was deleted; plans that run go on to their end',
};

/** Of events of governance itself; those of migrations have their sentence. */
const PHRASES: Phrases = {
  'approval.requested': (_, { needs = [] }) => `approval is needed: ${approvalNeeds(needs)}`,
  'approval.granted': (actor) => `${actor} approved`,
  'approval.refused': (actor) => `${actor} refused`,
  'approval.withdrawn': (actor) => `${actor} took their decision back`,
  'approval.expired': () => 'the request for approval has expired',
  'approval.lapsed': () => 'the approval does not count any more',
  'approval.bypassed': (actor) => `${actor} skipped the approval; another person has to review it`,
  'approval.exceptionRequested': (actor, { policy }) => `${actor} asks for an exception from ${policy ?? 'a policy'}`,
  'approval.exceptionGranted': (actor, { policy }) => `${actor} agreed to an exception from ${policy ?? 'a policy'}`,
  'alarm.untrusted': () => 'an end was reported that the receipts of governance do not cover',
  'alarm.stopped': (actor, { takeBack }) =>
    `${actor} stopped migrations${takeBack ? ', and those that have begun are taken back' : ''}`,
  'alarm.stopLifted': (actor) => `${actor} let migrations go on`,
  'alarm.sccChanged': (_, said) => changed(said),
  'alarm.sccMixed': (_, said) => `some ${changed(said)}`,
  ...CAMPAIGN_PHRASES,
};

/** Reasons of changes without a plan are words of programs. */
const WITHOUT_REASON: ReadonlySet<NotificationKind> = new Set(['alarm.sccChanged', 'alarm.sccMixed']);

function sentence(kind: NotificationKind, { actor, details }: AuditBody): string {
  const phrase = PHRASES[kind];
  // An event that is too large for the log is in it by its hash.
  if (!phrase) {
    const { data } = eventIn.safeParse(details);
    return data ? sentenceOf(data.event) : kind;
  }
  const said = saidIn.safeParse(details).data ?? {};
  const reason = WITHOUT_REASON.has(kind) ? null : said.reason;
  return `${phrase(actor.name, said)}${reason ? `: ${reason}` : ''}`;
}

const cut = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);

/** What is told of an entry of the audit log. */
export function toldOf(body: AuditBody, kind: NotificationKind, source: string): Told {
  const { id, occurredAt, actor, object, details } = body;
  const { namespace = null, name = null } = object;
  return {
    ...{ id, kind, namespace, name, source, details },
    text: cut(sentence(kind, body)),
    actor: actor.name,
    time: occurredAt,
  };
}

const filled = (template: string, told: Told, escape: (text: string) => string): string =>
  filledTemplate(template, {
    id: told.id,
    kind: told.kind,
    namespace: escape(told.namespace ?? (told.kind.startsWith('campaign.') ? 'campaign' : 'all namespaces')),
    name: escape(told.name ?? ''),
    text: escape(told.text),
    actor: escape(told.actor),
    time: told.time,
    source: escape(told.source),
  });

/** An event as CloudEvents 1.0 words it in JSON. */
export function cloudEvent(told: Told, template: string | null): string {
  const { id, kind, namespace, name, text, actor, time, source, details } = told;
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: `${EVENT_TYPE}${kind}`,
    subject: [namespace, name].filter((part) => part !== null).join('/') || '*',
    time,
    datacontenttype: 'application/json',
    data: { namespace, name, actor, text: template === null ? text : cut(filled(template, told, String)), details },
  });
}

const SLACK_TEMPLATE = '*{{kind}}* {{namespace}} {{name}}: {{text}}';

/** Characters that Slack would read as marks, links and mentions. */
const forSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The same as an incoming webhook of Slack takes it. */
export const slackMessage = (told: Told, template: string | null): string =>
  JSON.stringify({ text: cut(filled(template ?? SLACK_TEMPLATE, told, forSlack)) });
