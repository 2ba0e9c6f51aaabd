import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { healthSchema, migrationDetailSchema } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { workflowIdOf } from '@scc/migration/contract';
import { PLAN_TYPE } from '@scc/plan';
import { messageOf } from '@scc/runtime';
import { z } from 'zod';
import { CliError } from '../exit.js';
import { type FoundPlan, planFrom } from '../plan/find.js';
import type { Session } from '../session.js';
import { historyOf } from './history.js';
import { redact, redactText } from './redact.js';

export interface GatherOptions {
  directory: string;
  namespace?: string;
  plan?: string;
  systemNamespace: string;
  /** How far back logs go. */
  sinceSeconds: number;
}

/** Of plans, the newest so many; more would not be read. */
const MAX_PLANS = 50;
const MAX_LOG_BYTES = 4 * 1024 * 1024;
const CONFIG_MAPS = ['scc-audit-checkpoint', 'scc-webhook-entries'];

/** What was written, and what could not be had and why. */
export interface Gathered {
  files: string[];
  missing: { file: string; reason: string }[];
}

/** Writes files of one folder; whatever goes into them is without secrets. */
class Folder {
  readonly gathered: Gathered = { files: [], missing: [] };

  constructor(private readonly root: string) {}

  /** Writes what `read` gives, or keeps why it could not be had: one thing that fails leaves the others. */
  async keep(file: string, read: () => Promise<unknown>): Promise<void> {
    try {
      const value = await read();
      const text = typeof value === 'string' ? redactText(value) : JSON.stringify(redact(value), null, 2);
      const target = path.join(this.root, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, `${text}\n`, { mode: 0o600 });
      this.gathered.files.push(file);
    } catch (error) {
      this.gathered.missing.push({ file, reason: redactText(messageOf(error)) });
    }
  }
}

const itemsOf = async (kube: KubeClient, apiVersion: string, kind: string, namespace: string): Promise<KubeObject[]> =>
  (await kube.list({ apiVersion, kind }, { namespace })).items;

const eventSchema = z.looseObject({ regarding: z.looseObject({ uid: z.string().optional() }).optional() });
const podSchema = z.looseObject({
  spec: z.looseObject({ containers: z.array(z.looseObject({ name: z.string() })) }),
});
const containersOf = (pod: KubeObject): string[] => podSchema.parse(pod).spec.containers.map(({ name }) => name);

async function gatherSystem(kube: KubeClient, folder: Folder, { systemNamespace, sinceSeconds }: GatherOptions) {
  const pods = itemsOf(kube, 'v1', 'Pod', systemNamespace);
  await folder.keep('system/pods.json', () => pods);
  await folder.keep('system/deployments.json', () => itemsOf(kube, 'apps/v1', 'Deployment', systemNamespace));
  await folder.keep('system/events.json', () => itemsOf(kube, 'events.k8s.io/v1', 'Event', systemNamespace));
  for (const name of CONFIG_MAPS)
    await folder.keep(`system/${name}.json`, () =>
      there(kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: systemNamespace, name })),
    );
  // That they cannot be listed is kept above.
  for (const pod of await pods.catch(() => []))
    for (const container of containersOf(pod)) {
      const id = { namespace: systemNamespace, name: pod.metadata.name ?? '', container };
      await folder.keep(`system/logs/${id.name}/${container}.log`, () =>
        kube.logs(id, { sinceSeconds, limitBytes: MAX_LOG_BYTES }),
      );
    }
}

async function there<T>(object: Promise<T | undefined>): Promise<T> {
  const found = await object;
  if (found === undefined) throw new Error('it is not there');
  return found;
}

/** The events of each namespace, listed once for all of its plans. */
function eventsOf(kube: KubeClient): (namespace: string) => Promise<KubeObject[]> {
  const listed = new Map<string, Promise<KubeObject[]>>();
  return (namespace) => {
    const events = listed.get(namespace) ?? itemsOf(kube, 'events.k8s.io/v1', 'Event', namespace);
    listed.set(namespace, events);
    return events;
  };
}

interface Source {
  session: Session;
  kube: KubeClient;
  eventsIn: (namespace: string) => Promise<KubeObject[]>;
}

async function gatherPlan({ session, kube, eventsIn }: Source, folder: Folder, plan: FoundPlan): Promise<void> {
  const { namespace, name, uid } = plan.ref;
  const at = `plans/${namespace}/${name}`;
  const [kind = '', workload = ''] = plan.workload.split(' ');
  await folder.keep(`${at}/plan.json`, () => there(kube.get({ ...PLAN_TYPE, namespace, name })));
  await folder.keep(`${at}/workload.json`, () =>
    there(kube.get({ apiVersion: 'apps/v1', kind, namespace, name: workload })),
  );
  await folder.keep(`${at}/events.json`, async () => {
    const events = await eventsIn(namespace);
    return events.filter((event) => eventSchema.parse(event).regarding?.uid === uid);
  });
  if (session.hasGovernance)
    await folder.keep(`${at}/governance.json`, () =>
      session.governance().ask(migrationDetailSchema, { method: 'GET', path: `/v1/migrations/${uid}` }),
    );
  if (session.hasTemporal)
    await folder.keep(`${at}/history.json`, async () => historyOf(await session.temporal(), workflowIdOf(plan.ref)));
}

async function plansOf(kube: KubeClient, { namespace, plan }: GatherOptions): Promise<FoundPlan[]> {
  const { items } = await kube.list(PLAN_TYPE, namespace === undefined ? {} : { namespace });
  const made = ({ createdAt }: FoundPlan): string => createdAt ?? '';
  return items
    .map(planFrom)
    .filter(({ ref }) => plan === undefined || ref.name === plan)
    .toSorted((one, other) => made(other).localeCompare(made(one)))
    .slice(0, MAX_PLANS);
}

/**
 * Writes into a folder of its own what a person needs who looks for a fault, without secrets.
 * @param more further files, each with how it is read
 * @throws CliError when the folder holds something already
 */
export async function gatherInto(
  session: Session,
  options: GatherOptions,
  more: readonly (readonly [file: string, read: () => Promise<unknown>])[],
): Promise<Gathered> {
  const { directory } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if ((await readdir(directory)).length > 0)
    throw new CliError(`--directory: ${directory} is not empty`, 'Name a new folder.');
  const kube = await session.kube();
  const folder = new Folder(directory);
  for (const [file, read] of more) await folder.keep(file, read);
  await gatherSystem(kube, folder, options);
  if (session.hasGovernance)
    await folder.keep('governance/health.json', () =>
      session.governance().ask(healthSchema, { method: 'GET', path: '/v1/health', isPublic: true }),
    );
  const source = { session, kube, eventsIn: eventsOf(kube) };
  for (const plan of await plansOf(kube, options)) await gatherPlan(source, folder, plan);
  const { gathered } = folder;
  await folder.keep('missing.json', () => Promise.resolve([...gathered.missing]));
  return gathered;
}
