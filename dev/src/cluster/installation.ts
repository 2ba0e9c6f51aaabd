import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { RENDERED, CHART, type Platform } from './places.js';
import { readObjects, type StatedObject } from './manifests.js';

/** No object of the cluster. */
const LEFT_OUT = new Set(['Kustomization']);
const WORKLOADS = new Set(['Deployment', 'Job']);
const WEBHOOKS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

/** The stack lets the worker work in the whole cluster, as an installation may choose. */
const isConfinement = ({ kind, metadata }: StatedObject): boolean =>
  kind.startsWith('ValidatingAdmissionPolicy') && metadata.name === 'worker-confinement.scc.poc';

/** Where the chart keeps the entries that governance writes into the webhook configurations. */
const ENTRIES = { kind: 'ConfigMap', name: 'scc-webhook-entries', key: 'entries.yaml' } as const;
const entriesSchema = z.object({ data: z.object({ [ENTRIES.key]: z.string() }) });
const listsSchema = z.object({ mutating: z.array(z.looseObject({})), validating: z.array(z.looseObject({})) });

/** The chart's webhook configurations as they are when governance has written their entries, without `caBundle`. */
export function withEntries(all: readonly StatedObject[]): StatedObject[] {
  const kept = all.find(({ kind, metadata }) => kind === ENTRIES.kind && metadata.name === ENTRIES.name);
  if (!kept) throw new Error(`the rendering holds no ${ENTRIES.kind} ${ENTRIES.name}`);
  const { mutating, validating } = listsSchema.parse(parse(entriesSchema.parse(kept).data[ENTRIES.key]));
  return all
    .filter(({ kind }) => WEBHOOKS.has(kind))
    .map((object) => ({ ...object, webhooks: object.kind === 'MutatingWebhookConfiguration' ? mutating : validating }));
}

/** The objects of an installation of the product in the cluster, as the chart renders it. */
export interface Installation {
  crds: StatedObject[];
  /** Namespace, accounts, rights, Services, budgets, network policies, the default SCCs. */
  objects: StatedObject[];
  /** The product's processes, and the Job that migrates the database. */
  workloads: StatedObject[];
  /** Both configurations with their entries, as they are once governance has answered. */
  webhooks: StatedObject[];
}

/** Installs the default SCCs in a cluster; the stack has them from the start, also where no pod of the product runs. */
const DEFAULT_SCCS = 'scc-default-sccs';

/** Reads the committed rendering of the chart. Where the stack plays OpenShift, OpenShift's own objects come with it. */
export async function readInstallation(platform: Platform): Promise<Installation> {
  const rendered = await readObjects(path.join(RENDERED, platform));
  const openshifts = ['crds/securitycontextconstraints.yaml', 'sccs/cluster-roles.yaml'];
  const files = ['sccs/default-sccs.yaml', ...(platform === 'openshift' ? openshifts : [])];
  const platformsOwn = await Promise.all(files.map((file) => readObjects(path.join(CHART, 'files', file))));
  const all = [...platformsOwn.flat(), ...rendered].filter(
    (object) => !LEFT_OUT.has(object.kind) && !isConfinement(object),
  );
  const isCrd = ({ kind }: StatedObject): boolean => kind === 'CustomResourceDefinition';
  return {
    crds: all.filter(isCrd),
    objects: all.filter((object) => !isCrd(object) && !WEBHOOKS.has(object.kind) && !WORKLOADS.has(object.kind)),
    workloads: all.filter(({ kind, metadata }) => WORKLOADS.has(kind) && !metadata.name.startsWith(DEFAULT_SCCS)),
    webhooks: withEntries(all),
  };
}
