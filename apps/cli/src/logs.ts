import { setTimeout as delay } from 'node:timers/promises';
import { eventRecordSchema, GovernanceError, migrationDetailSchema } from '@scc/governance-api';
import { type MigrationEvent, migrationEventSchema, type Phase, sentenceOf } from '@scc/plan';
import { Command } from 'commander';
import { z } from 'zod';
import { EXIT } from './exit.js';
import { uidOf } from './migrations.js';
import { exitOf } from './plan/ends.js';
import { findPlan } from './plan/find.js';
import type { Run, Session } from './session.js';

interface LogsOptions {
  namespace: string;
  name: string;
  follow: boolean;
  uid?: string | undefined;
}

/** One event of a plan, from whichever part recorded it. */
export interface PlanEvent {
  /** The same event has the same key each time it is read. */
  readonly key: string;
  readonly at: string;
  readonly phase: string | null;
  readonly type: string;
  readonly message: string;
}

/** One event with what it says as data, where this version knows it and governance recorded it. */
export interface Happened extends PlanEvent {
  readonly event?: MigrationEvent | undefined;
}

const FOLLOW_MS = 1000;

/** A line of the log: time, phase, type and sentence, in columns. */
export const eventLine = ({ at, phase, type, message }: PlanEvent): string =>
  [at, (phase ?? '').padEnd(15), type.padEnd(24), message.replaceAll('\n', ' ')].join('  ').trimEnd();

/** The events that governance recorded, oldest first. */
async function recorded(session: Session, uid: string): Promise<Happened[]> {
  const path = `/v1/migrations/${encodeURIComponent(uid)}/events`;
  const items = await session.governance().list(eventRecordSchema, { path });
  return items.map(({ runId, sequence, at, phase, event }) => {
    const known = migrationEventSchema.safeParse(event).data;
    return {
      key: `${runId}/${sequence}`,
      ...{ at, phase, type: typeof event['type'] === 'string' ? event['type'] : 'Unknown' },
      message: known ? sentenceOf(known) : 'an event of another version',
      event: known,
    };
  });
}

const kubeEventSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), creationTimestamp: z.string().optional() }),
  eventTime: z.string().nullish(),
  reason: z.string().default(''),
  note: z.string().default(''),
  regarding: z.looseObject({ uid: z.string().optional() }).optional(),
});

/** The Kubernetes Events of a plan, oldest first; the cluster keeps them for about an hour. */
export async function clusterEvents(session: Session, namespace: string, uid: string): Promise<PlanEvent[]> {
  const kube = await session.kube();
  const { items } = await kube.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event' }, { namespace });
  return items
    .flatMap((item) => kubeEventSchema.safeParse(item).data ?? [])
    .filter(({ regarding }) => regarding?.uid === uid)
    .map(({ metadata, eventTime, reason, note }) => ({
      key: metadata.name,
      at: eventTime ?? metadata.creationTimestamp ?? '',
      ...{ phase: null, type: reason, message: note },
    }))
    .toSorted((one, other) => one.at.localeCompare(other.at));
}

/** The events of a plan, oldest first: of governance where it is known and knows the plan, else of the cluster. */
export async function happened(session: Session, namespace: string, uid: string): Promise<Happened[]> {
  if (!session.hasGovernance) return clusterEvents(session, namespace, uid);
  return recorded(session, uid).catch((error: unknown) => {
    if (error instanceof GovernanceError && error.status === 404) return clusterEvents(session, namespace, uid);
    throw error;
  });
}

async function idOf(session: Session, { namespace, name, uid }: LogsOptions): Promise<string> {
  if (uid !== undefined) return uid;
  if (!session.hasGovernance || session.hasCluster) {
    try {
      return (await findPlan(session, namespace, name)).ref.uid;
    } catch (error) {
      if (!session.hasGovernance) throw error;
    }
  }
  return uidOf(session, name, namespace);
}

/** Where the migration is. An event that says that it ended is no proof of it: governance counts what receipts cover. */
async function phaseOf(session: Session, { namespace, name }: LogsOptions, uid: string): Promise<Phase | undefined> {
  if (!session.hasGovernance) return (await findPlan(session, namespace, name)).status.phase;
  const path = `/v1/migrations/${encodeURIComponent(uid)}`;
  return (await session.governance().ask(migrationDetailSchema, { method: 'GET', path })).phase;
}

async function logs(session: Session, options: LogsOptions): Promise<number> {
  const uid = await idOf(session, options);
  const { namespace, follow } = options;
  if (!session.hasGovernance)
    session.output.remark('governance is not known (--server), so these are the Events that the cluster still keeps');
  const shown = new Set<string>();
  for (;;) {
    // Asked before the events, so that those up to the end are among them.
    const end = follow ? exitOf(await phaseOf(session, options, uid)) : EXIT.ok;
    const events = session.hasGovernance ? await recorded(session, uid) : await clusterEvents(session, namespace, uid);
    const fresh = events.filter(({ key }) => !shown.has(key));
    fresh.forEach(({ key }) => shown.add(key));
    if (fresh.length > 0 || !follow) print(session, fresh, follow);
    if (end !== null) return end;
    await delay(FOLLOW_MS);
  }
}

/** With `--follow` each event is a JSON document of its own, one a line. */
function print(session: Session, events: readonly PlanEvent[], isFollowed: boolean): void {
  const shown = events.map(({ at, phase, type, message }) => ({ at, phase, type, message }));
  if (isFollowed && session.output.format === 'json')
    session.output.raw(shown.map((event) => `${JSON.stringify(event)}\n`).join(''));
  else session.output.show(shown, () => events.map(eventLine).join('\n'));
}

/** `sccctl logs NAME` */
export const logsCommand = (run: Run): Command =>
  new Command('logs')
    .description('the events of a plan in their order; those of governance, else those that the cluster keeps')
    .argument('<name>', 'of the plan')
    .option('-n, --namespace <namespace>', 'where the plan is', 'default')
    .option('-f, --follow', 'go on until it has ended; exit code 1 when it did not complete', false)
    .option('--uid <uid>', 'of a plan that is gone')
    .action((name: string, options: Omit<LogsOptions, 'name'>) =>
      run((session) => logs(session, { name, ...options })),
    );
