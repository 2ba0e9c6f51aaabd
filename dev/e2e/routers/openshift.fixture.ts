import type { KubeClient, ObjectId } from '@scc/kube';
import { OpenShiftRouter } from '@scc/openshift-route';
import { canaryLabels } from '@scc/plan';
import { CompositeRouter, type TrafficRouter } from '@scc/routing';
import type { RouterWorld, RouteShares } from '@scc/testing/routing';
import { stringify } from 'yaml';
import { z } from 'zod';
import { ISTIO_ALONE, ISTIO_GATEWAY, namesOf, virtualServiceOf } from './istio.fixture.js';
import { endingAfter, MANAGER, type Mesh, requestOf, SERVICES, sharesOf, stateOf } from './mesh.fixture.js';

const TYPE = { apiVersion: 'route.openshift.io/v1', kind: 'Route' };

const backendSchema = z.looseObject({ name: z.string(), weight: z.int() });
const specSchema = z.looseObject({
  to: backendSchema,
  alternateBackends: z.array(backendSchema).default([]),
});

const openShiftRouter = (kube: KubeClient): OpenShiftRouter =>
  new OpenShiftRouter({
    kube,
    fieldManager: MANAGER,
    reloadMs: 0,
    counters: {
      sees: () => Promise.resolve(true),
      recent: () => Promise.resolve({ requests: 0, standing: 0, overMs: 60_000 }),
    },
    signal: () => undefined,
  });

interface Written {
  namespace: string;
  name: string;
  to: object;
  alternateBackends?: object[];
}

/** Writes a Route and says of it what a router says that serves it. */
async function routed({ kube }: Mesh, { namespace, name, ...backends }: Written): Promise<ObjectId> {
  const host = `${name}.${namespace}.example`;
  const id = { ...TYPE, namespace, name };
  await kube.create({
    ...TYPE,
    metadata: { name, namespace, labels: { team: 'shop' }, annotations: { note: 'mine' } },
    spec: { host, port: { targetPort: 'http' }, ...backends },
  });
  const conditions = [{ type: 'Admitted', status: 'True' }];
  const body = { status: { ingress: [{ host, routerName: 'default', wildcardPolicy: 'None', conditions }] } };
  await kube.patch(id, { type: 'merge', body, subresource: 'status', fieldManager: 'router' });
  return id;
}

/** The contract's questions to one Route. */
function routeOf({ kube, read }: Mesh, id: ObjectId) {
  const edited = (spec: object) => async (): Promise<void> => {
    await kube.patch(id, { type: 'merge', body: { spec }, fieldManager: 'somebody' });
  };
  return {
    state: async () => stateOf(await read(id)),
    shares: async (): Promise<RouteShares> => {
      const { to, alternateBackends } = specSchema.parse((await read(id))['spec']);
      return sharesOf([to, ...alternateBackends].map(({ name, weight }) => ({ service: name, weight })));
    },
    edit: edited({ path: '/shop' }),
    tamper: edited({ to: { kind: 'Service', name: 'ledger', weight: 100 }, alternateBackends: null }),
  };
}

let worlds = 0;

async function spaceOf(mesh: Mesh): Promise<string> {
  worlds += 1;
  const namespace = `openshift-${worlds}`;
  await mesh.stack.apply(
    SERVICES(namespace)
      .map((object) => stringify(object))
      .join('---\n'),
  );
  return namespace;
}

const shared = (mesh: Mesh, namespace: string): Promise<ObjectId> =>
  routed(mesh, {
    ...{ namespace, name: 'shared', to: { kind: 'Service', name: 'other', weight: 2 } },
    alternateBackends: [{ kind: 'Service', name: 'ledger', weight: 8 }],
  });

/** Two Routes, of which one divides with another Service. */
export async function openShiftWorld(mesh: Mesh): Promise<RouterWorld> {
  const namespace = await spaceOf(mesh);
  const { kube } = mesh;
  const one = routeOf(mesh, await routed(mesh, { namespace, name: 'alone', to: { kind: 'Service', name: 'ledger' } }));
  const two = routeOf(mesh, await shared(mesh, namespace));
  const all = () => namesOf(kube, namespace, [[TYPE.apiVersion, TYPE.kind]]);
  const initial = new Set(await all());
  return {
    request: requestOf(namespace, canaryLabels('contract')),
    verifiedBy: 'bound',
    router: (): TrafficRouter => openShiftRouter(kube),
    crashing: (at) => openShiftRouter(endingAfter(kube, at)),
    state: async () => ({ alone: await one.state(), shared: await two.state() }),
    shares: async () => ({ alone: await one.shares(), shared: await two.shares() }),
    edit: one.edit,
    tamper: one.tamper,
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}

/** A VirtualService and a Route of one workload, each by the router of its kind. */
export async function meshAndOpenShiftWorld(mesh: Mesh): Promise<RouterWorld> {
  const namespace = await spaceOf(mesh);
  const { kube } = mesh;
  await mesh.stack.apply(
    [ISTIO_GATEWAY(namespace), ISTIO_ALONE(namespace)].map((object) => stringify(object)).join('---\n'),
  );
  const two = routeOf(mesh, await shared(mesh, namespace));
  const alone = virtualServiceOf(mesh, namespace);
  await mesh.known('ledger', namespace);
  const all = () =>
    namesOf(kube, namespace, [
      [TYPE.apiVersion, TYPE.kind],
      ['networking.istio.io/v1', 'VirtualService'],
      ['networking.istio.io/v1', 'DestinationRule'],
    ]);
  const initial = new Set(await all());
  const composite = (client: KubeClient): TrafficRouter =>
    new CompositeRouter(
      [
        { name: 'openshift-route', router: openShiftRouter(client) },
        { name: 'istio', router: mesh.istio(client) },
      ],
      'istio',
    );
  return {
    request: requestOf(namespace, canaryLabels('contract')),
    verifiedBy: 'bound',
    router: () => composite(kube),
    crashing: (at) => composite(endingAfter(kube, at)),
    state: async () => ({ alone: await alone.state('alone'), shared: await two.state() }),
    shares: async () => ({ alone: await alone.shares('alone'), shared: await two.shares() }),
    edit: alone.edit,
    tamper: alone.tamper,
    additions: async () => (await all()).filter((name) => !initial.has(name)),
  };
}
