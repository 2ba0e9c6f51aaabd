import { Client, Connection } from '@temporalio/client';

/** Where the time of a migration goes, by the history of its workflow. */

export type Spent = 'pods' | 'silence' | 'verification' | 'rest';

/** What each activity on the way of a migration is for; all others, and the time between them, are the rest. */
const SPENT_ON: Readonly<Record<string, Spent>> = {
  ...{ awaitCanary: 'pods', awaitWorkload: 'pods' },
  ...{ migrateWorkload: 'silence', removeCanary: 'silence' },
  ...{ prepareRoutes: 'verification', setWeights: 'verification', hold: 'verification', restoreRoutes: 'verification' },
};

type History = Awaited<ReturnType<Awaited<ReturnType<Client['workflow']['getHandle']>>['fetchHistory']>>;
type HistoryEvent = NonNullable<History['events']>[number];

const millisOf = ({ eventTime }: HistoryEvent): number =>
  Number(eventTime?.seconds) * 1000 + Number(eventTime?.nanos) / 1e6;

/** Milliseconds of a workflow that has ended, by what they were spent on. */
export function spentIn(events: readonly HistoryEvent[]): Record<Spent, number> {
  const spent = { pods: 0, silence: 0, verification: 0, rest: 0 };
  const begun = new Map(events.map((event) => [String(event.eventId), event]));
  for (const event of events) {
    const from = begun.get(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    const name = from?.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
    if (from && SPENT_ON[name]) spent[SPENT_ON[name]] += millisOf(event) - millisOf(from);
  }
  const [first, last] = [events[0], events.at(-1)];
  const wholeMs = first && last ? millisOf(last) - millisOf(first) : 0;
  return { ...spent, rest: wholeMs - spent.pods - spent.silence - spent.verification };
}

/** The history of a workflow of the Temporal at this address. */
export async function workflowEvents(address: string, namespace: string, workflowId: string): Promise<HistoryEvent[]> {
  const connection = await Connection.connect({ address });
  try {
    const history = await new Client({ connection, namespace }).workflow.getHandle(workflowId).fetchHistory();
    return history.events ?? [];
  } finally {
    await connection.close();
  }
}
