import path from 'node:path';
import { RENDERED, CHART, type Platform } from './places.js';
import type { ApiObject } from './api.js';
import { readObjects } from './manifests.js';

/** Not objects of the cluster, or run by the stack itself: the product's processes are children of the supervisor. */
const LEFT_OUT = new Set(['Kustomization', 'Deployment', 'Job']);
const WEBHOOKS = new Set(['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);

/** What an installation of the product consists of in the cluster, as the chart renders it. */
export interface Installation {
  crds: ApiObject[];
  /** Namespace, accounts, rights, Services, budgets, network policies, the default SCCs. */
  objects: ApiObject[];
  /** To be installed when governance answers. */
  webhooks: ApiObject[];
}

/** Reads the committed rendering of the chart. Where the stack plays OpenShift, OpenShift's own objects come with it. */
export async function readInstallation(platform: Platform): Promise<Installation> {
  const rendered = await readObjects(path.join(RENDERED, platform));
  const platformsOwn =
    platform === 'openshift'
      ? await Promise.all(
          ['crds/securitycontextconstraints.yaml', 'sccs/default-sccs.yaml', 'sccs/cluster-roles.yaml'].map((file) =>
            readObjects(path.join(CHART, 'files', file)),
          ),
        )
      : [];
  const all = [...platformsOwn.flat(), ...rendered].filter(({ kind }) => !LEFT_OUT.has(kind));
  const isCrd = ({ kind }: ApiObject): boolean => kind === 'CustomResourceDefinition';
  return {
    crds: all.filter(isCrd),
    objects: all.filter((object) => !isCrd(object) && !WEBHOOKS.has(object.kind)),
    webhooks: all.filter(({ kind }) => WEBHOOKS.has(kind)),
  };
}
