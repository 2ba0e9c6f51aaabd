import { z } from 'zod';

/** Notifications: what governance records, told to receivers outside. */

/** The kinds of events, by the action of the audit entry that each is made from. */
export const NOTIFICATION_KINDS = {
  'migration.event.PlanRejected': 'migration.rejected',
  'migration.event.PreparationStarted': 'migration.started',
  'migration.event.WaitStarted': 'migration.waiting',
  'migration.event.WeightShifted': 'migration.shifted',
  'migration.event.GateFailed': 'migration.gateFailed',
  'migration.event.ConflictFound': 'migration.conflict',
  'migration.event.CommandApplied': 'migration.command',
  'migration.event.UndoStarted': 'migration.undoStarted',
  'migration.event.UndoFinished': 'migration.undone',
  'migration.event.MigrationCompleted': 'migration.completed',
  'migration.event.DryRunFinished': 'migration.dryRun',
  'approval.requested': 'approval.requested',
  'approval.granted': 'approval.granted',
  'approval.refused': 'approval.refused',
  'approval.withdrawn': 'approval.withdrawn',
  'approval.expired': 'approval.expired',
  'approval.lapsed': 'approval.lapsed',
  'approval.bypassed': 'approval.bypassed',
  'exception.requested': 'approval.exceptionRequested',
  'exception.approved': 'approval.exceptionGranted',
  'migration.event.UndoStepFailed': 'alarm.undoFailing',
  'migration.untrusted': 'alarm.untrusted',
  'stop.set': 'alarm.stopped',
  'stop.lifted': 'alarm.stopLifted',
  'workload.sccChanged': 'alarm.sccChanged',
  'workload.sccMixed': 'alarm.sccMixed',
  'campaign.created': 'campaign.created',
  'campaign.approvalNeeded': 'campaign.approvalNeeded',
  'campaign.approved': 'campaign.approved',
  'campaign.approvalWithdrawn': 'campaign.approvalWithdrawn',
  'campaign.paused': 'campaign.paused',
  'campaign.resumed': 'campaign.resumed',
  'campaign.abortRequested': 'campaign.abortRequested',
  'campaign.waveBegun': 'campaign.waveBegun',
  'campaign.waveEnded': 'campaign.waveEnded',
  'campaign.budgetSpent': 'campaign.budgetSpent',
  'campaign.completed': 'campaign.completed',
  'campaign.aborted': 'campaign.aborted',
  'campaign.rejected': 'campaign.rejected',
  'campaign.deleted': 'campaign.deleted',
} as const satisfies Record<string, string>;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[keyof typeof NOTIFICATION_KINDS];
const KINDS: readonly string[] = Object.values(NOTIFICATION_KINDS);

/** Whether a pattern of a receiver, such as `migration.*`, takes a kind. */
export const takesKind = (pattern: string, kind: string): boolean =>
  pattern === '*' || pattern === kind || (pattern.endsWith('.*') && kind.startsWith(pattern.slice(0, -1)));

/** The words that a template may hold between double braces. */
export const TEMPLATE_WORDS = ['id', 'kind', 'namespace', 'name', 'text', 'actor', 'time', 'source'] as const;
export type TemplateWord = (typeof TEMPLATE_WORDS)[number];

const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const isWord = (text: string): text is TemplateWord => TEMPLATE_WORDS.some((word) => word === text);

/** Fills a template; a word that is none stays as it was written. */
export const filledTemplate = (template: string, words: Readonly<Record<TemplateWord, string>>): string =>
  template.replace(PLACEHOLDER, (written, word: string) => (isWord(word) ? words[word] : written));

/** Why a template cannot be filled; null when it can. */
export function templateFault(template: string): string | null {
  const unknown = [...template.matchAll(PLACEHOLDER)].map(([, word = '']) => word).find((word) => !isWord(word));
  if (unknown !== undefined)
    return `has {{${unknown}}}, which is no word of a template; the words are ${TEMPLATE_WORDS.join(', ')}`;
  const rest = template.replace(PLACEHOLDER, '');
  return /\{\{|\}\}/.test(rest) ? 'has double braces that do not belong together; a word stands as {{text}}' : null;
}

/** A file in the folder of secrets. */
const secretName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$/, 'must be the name of a file in the folder of secrets');

const receiverName = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);

export const receiverInputSchema = z.object({
  name: receiverName,
  type: z
    .enum(['webhook', 'slack'])
    .describe('webhook: CloudEvents in JSON, signed as Standard Webhooks say. slack: an incoming webhook of Slack.'),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullable()
    .default(null)
    .describe('Where a webhook is sent. Null where the address itself is secret: urlSecret then names it.'),
  urlSecret: secretName.nullable().default(null).describe('The file that holds the address.'),
  signingSecret: secretName
    .nullable()
    .default(null)
    .describe('Of a webhook: the file with the secrets that sign, one a line, each as whsec_ and base64.'),
  namespaces: z
    .array(z.string().regex(/^[-a-z0-9*]{1,63}$/))
    .min(1)
    .max(50)
    .default(['*'])
    .describe(
      'Patterns. An emergency stop of all namespaces is always told; campaigns only to receivers of all namespaces.',
    ),
  kinds: z.array(z.string().max(63)).min(1).max(50).describe('Kinds of events, or patterns such as migration.* and *.'),
  template: z
    .string()
    .min(1)
    .max(2000)
    .nullable()
    .default(null)
    .describe(`The text of a message, with words such as {{text}}: ${TEMPLATE_WORDS.join(', ')}.`),
});
export type ReceiverInput = z.infer<typeof receiverInputSchema>;

/** Why a receiver that fits its schema cannot work, by field; empty when it can. */
export function receiverFaults(receiver: ReceiverInput): { field: string; message: string }[] {
  const { type, url, urlSecret, signingSecret, kinds, template } = receiver;
  const isOfNoKind = (pattern: string): boolean => !KINDS.some((kind) => takesKind(pattern, kind));
  const unknown = kinds.findIndex(isOfNoKind);
  const templated = template === null ? null : templateFault(template);
  const faults: [boolean, string, string][] = [
    [unknown >= 0, `kinds[${unknown}]`, `takes no kind of event; the kinds are ${KINDS.join(', ')}`],
    [(url === null) === (urlSecret === null), 'url', 'is needed, or urlSecret, and not both'],
    [type === 'slack' && url !== null, 'url', 'of Slack is itself the secret: name its file in urlSecret'],
    [type === 'webhook' && signingSecret === null, 'signingSecret', 'is needed: receivers tell by it who sends'],
    [type === 'slack' && signingSecret !== null, 'signingSecret', 'is of no use: Slack looks at no signature'],
    [
      url !== null && /[@?#]/.test(url),
      'url',
      'must have no user, query or fragment, which are stored in clear: name a file in urlSecret',
    ],
    [templated !== null, 'template', templated ?? ''],
  ];
  return faults.filter(([isFaulty]) => isFaulty).map(([, field, message]) => ({ field, message }));
}

const time = z.iso.datetime();
export const receiverSchema = z.object({
  ...receiverInputSchema.shape,
  rowVersion: z.int(),
  changedBy: z.string(),
  changedAt: time,
  waiting: z.int().describe('Messages that are not delivered yet.'),
  dead: z.int().describe('Messages that were given up; they can be tried again.'),
  deliveredAt: time.nullable().describe('Of the last message that was delivered.'),
  lastError: z.string().nullable().describe('Of the last message that is not delivered.'),
});
export type NotificationReceiver = z.infer<typeof receiverSchema>;

export const DELIVERY_STATES = ['waiting', 'delivered', 'dead'] as const;
export const deliverySchema = z.object({
  id: z.string(),
  receiver: z.string(),
  event: z.string().describe('The id of the audit entry, and of the message: the same in every attempt.'),
  kind: z.string(),
  namespace: z.string().nullable(),
  name: z.string().nullable(),
  state: z.enum(DELIVERY_STATES),
  attempts: z.int(),
  createdAt: time,
  dueAt: time.describe('When a waiting one is tried next.'),
  deliveredAt: time.nullable(),
  lastError: z.string().nullable(),
});
export type NotificationDelivery = z.infer<typeof deliverySchema>;

export const retriedSchema = z.object({ retried: z.int() });
