import type { KubeObject } from '@scc/kube';
import { ROOT } from '../../src/index.js';
import { APP, bySaying, deployment, type Ground, serveKind, service, type Walk } from './walks.fixture.js';

/** Refusals for ways to a workload, and for what picks its pods: ports, routes, policies, and who may look at them. */

type Port = Record<string, unknown>;
const HTTP: Port = { name: 'http', port: 80, targetPort: 'http' };
const serving = (...ports: Port[]) => ({
  workload: (namespace: string) => [
    deployment(namespace),
    { ...service(namespace), spec: { selector: { app: APP }, ports } },
  ],
});
const divided = (namespace: string) => [deployment(namespace, { replicas: 2 }), service(namespace)];

const virtualService = (namespace: string, spec: object, name = APP) => ({
  ...{ apiVersion: 'networking.istio.io/v1', kind: 'VirtualService', metadata: { name, namespace } },
  spec: { hosts: [APP], ...spec },
});
const toApp = { destination: { host: APP } };

const ROUTE = { apiVersion: 'route.openshift.io/v1', kind: 'Route' };
const admitted = { ingress: [{ routerName: 'default', conditions: [{ type: 'Admitted', status: 'True' }] }] };
const ofOpenShift =
  (annotations: Record<string, string>, status: object | null = admitted, weight = 100) =>
  async ({ create, admin, namespace }: Ground) => {
    await create({
      ...{ ...ROUTE, metadata: { name: APP, namespace, annotations } },
      spec: { host: `${namespace}.example.org`, to: { kind: 'Service', name: APP, weight } },
    });
    // The part of the router, which this cluster has not.
    if (status)
      await admin.applyStatus(
        { ...ROUTE, metadata: { name: APP, namespace }, status },
        { fieldManager: 'router', force: true },
      );
  };
const WITHOUT_COOKIES = { 'haproxy.router.openshift.io/disable_cookies': 'true' };
const BALANCE = 'haproxy.router.openshift.io/balance';

/** The roles of the worker that tell it of the cluster. */
const ROLES = ['scc-orchestrator-worker-facts', 'scc-scan'];
/** The rules about a kind are taken out of them, as an installation may have it. */
const withoutRight =
  (resource: string) =>
  async ({ admin }: Ground): Promise<void> => {
    for (const name of ROLES) {
      const id = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name };
      const rules = ((await admin.get(id))?.['rules'] ?? []) as { resources: string[] }[];
      const body = { rules: rules.filter(({ resources }) => !resources.includes(resource)) };
      await admin.patch(id, { type: 'merge', body });
    }
  };
/** The rights that the chart gives, as its rendering is applied. */
const theChartsRights = async ({ stack }: Pick<Ground, 'stack'>): Promise<void> => {
  for (const file of ['rbac-worker', 'rbac-scan'])
    await stack.apply(`${ROOT}/deploy/kustomize/kubernetes/${file}.yaml`);
};

const cilium = (namespace: string) => ({
  ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name: 'others', namespace } },
  spec: { endpointSelector: { matchLabels: { app: APP } }, ingress: [{}] },
});
const scaler = (namespace: string) => ({
  ...{ apiVersion: 'autoscaling.k8s.io/v1', kind: 'VerticalPodAutoscaler', metadata: { name: APP, namespace } },
  spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: APP }, updatePolicy: { updateMode: 'Auto' } },
});
/** Of kinds that are served for one walk alone. */
const kinds: (() => Promise<unknown>)[] = [];
const served =
  (kind: Parameters<typeof serveKind>[1], object?: (namespace: string) => KubeObject) =>
  async (ground: Ground): Promise<void> => {
    kinds.push(await serveKind(ground, kind));
    if (object) await ground.create(object(ground.namespace));
  };
const unserved = async (): Promise<void> => {
  for (const end of kinds.splice(0)) await end();
};
const picking = (field: string) => ({
  properties: { [field]: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
});
const GUARDS = 'guards.example.org';

export const ROUTE_WALKS: readonly Walk[] = [
  {
    code: 'PortCanNotBeDivided',
    way: 'a port of UDP is served from a Service and a workload of its own',
    ...serving(HTTP, { name: 'dns', port: 53, protocol: 'UDP' }),
    walk: bySaying(
      `kubectl patch service ${APP} --type json -p '[{"op":"remove","path":"/spec/ports/1"}]'; kubectl create deployment dns --image=scc.poc/healthy:1 --replicas=0; kubectl expose deployment dns --port=53 --protocol=UDP`,
    ),
  },
  {
    code: 'PortCanNotBeDivided',
    way: 'a port of TLS beside others gets a VirtualService with a tls route',
    ...serving(HTTP, { name: 'https', port: 443, targetPort: 8443 }),
    walk: async ([violation], { create, namespace }) => {
      const [, port = ''] = /tls route of port (\d+)/.exec(violation?.remedy ?? '') ?? [];
      const tls = [{ match: [{ port: Number(port), sniHosts: [`${APP}.example.org`] }], route: [toApp] }];
      const http = [{ route: [{ destination: { host: APP, port: { number: 80 } } }] }];
      await create(virtualService(namespace, { hosts: [APP, `${APP}.example.org`], http, tls }));
      return undefined;
    },
  },
  {
    code: 'PortCanNotBeDivided',
    way: 'a port of TLS beside others gets a Service of its own',
    ...serving(HTTP, { name: 'https', port: 443, targetPort: 8443 }),
    walk: bySaying(
      `kubectl patch service ${APP} --type json -p '[{"op":"remove","path":"/spec/ports/1"}]'; kubectl create service clusterip ${APP}-tls --tcp=443:8443; kubectl patch service ${APP}-tls --type merge -p '{"spec":{"selector":{"app":"${APP}"},"ports":[{"name":"https","port":443,"targetPort":8443}]}}'`,
    ),
  },
  {
    code: 'PortCanNotBeDivided',
    way: 'a port of a database declares its protocol, and the VirtualService routes it by a tcp route',
    ...serving(HTTP, { name: 'db', port: 5432, targetPort: 'http' }),
    before: ({ create, namespace }) => create(virtualService(namespace, { http: [{ route: [toApp] }] })),
    walk: bySaying(
      `kubectl patch service ${APP} --type merge -p '{"spec":{"ports":[{"name":"http","port":80,"targetPort":"http"},{"name":"db","port":5432,"targetPort":"http","appProtocol":"tcp"}]}}'; kubectl patch virtualservice ${APP} --type merge -p '{"spec":{"tcp":[{"match":[{"port":5432}],"route":[{"destination":{"host":"${APP}"}}]}]}}'`,
    ),
  },
  {
    code: 'NodeLocalService',
    way: 'internalTrafficPolicy is set to Cluster',
    before: ({ sh }) => sh(`kubectl patch service ${APP} --type merge -p '{"spec":{"internalTrafficPolicy":"Local"}}'`),
    walk: bySaying(`kubectl patch service ${APP} --type merge -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`),
  },
  {
    code: 'RouteUnreadable',
    way: 'the VirtualService that cannot be read is repaired by its owner',
    before: ({ create, namespace }) =>
      create(virtualService(namespace, { http: [{ route: [{ ...toApp, weight: -1 }] }] }, 'odd')),
    walk: bySaying(
      `kubectl patch virtualservice odd --type merge -p '{"spec":{"http":[{"route":[{"destination":{"host":"${APP}"}}]}]}}'`,
    ),
  },
  {
    code: 'RouteUnreadable',
    way: 'the VirtualService that cannot be read is deleted by its owner',
    before: ({ create, namespace }) =>
      create(virtualService(namespace, { http: [{ route: [{ ...toApp, weight: -1 }] }] }, 'odd')),
    walk: bySaying('kubectl delete virtualservice odd'),
  },
  {
    code: 'RouteCanNotBeDivided',
    way: 'a Route of OpenShift that no router admits is deleted',
    routers: 'all',
    before: ofOpenShift({}, null),
    walk: bySaying(`kubectl delete route.route.openshift.io ${APP}`),
  },
  {
    code: 'RouteCanNotBeDivided',
    way: 'the annotation of a Route of OpenShift that balances by connections is taken away',
    routers: 'all',
    before: ofOpenShift({ ...WITHOUT_COOKIES, [BALANCE]: 'leastconn' }),
    walk: bySaying(`kubectl annotate route.route.openshift.io ${APP} ${BALANCE}-`),
  },
  {
    code: 'RouteCanNotBeDivided',
    way: 'the cookies of a Route of OpenShift are switched off where nothing counts its clients',
    routers: 'all',
    before: ofOpenShift({}),
    walk: bySaying(`kubectl annotate route.route.openshift.io ${APP} haproxy.router.openshift.io/disable_cookies=true`),
  },
  {
    code: 'RouteCanNotBeDivided',
    way: 'a backend of a Route of OpenShift whose weights are all 0 is given a weight',
    routers: 'all',
    before: ofOpenShift(WITHOUT_COOKIES, admitted, 0),
    walk: bySaying(`kubectl patch route.route.openshift.io ${APP} --type merge -p '{"spec":{"to":{"weight":100}}}'`),
  },
  {
    code: 'RoutesCannotBeRead',
    way: 'the worker is given list on the kind, as the chart gives it',
    workload: divided,
    before: withoutRight('apiservices'),
    walk: async (_violations, ground) => {
      await theChartsRights(ground);
      return undefined;
    },
  },
  {
    code: 'CannotLook',
    way: 'the worker is given the right that is named, as the chart gives it',
    before: withoutRight('serviceaccounts'),
    walk: async ([violation], ground) => {
      if (!violation?.message.includes('serviceaccounts')) throw new Error(violation?.message);
      await theChartsRights(ground);
      return undefined;
    },
  },
  {
    code: 'PolicyNotCopied',
    way: 'the policy of another product picks both sides',
    before: served(
      { group: 'cilium.io', version: 'v2', kind: 'CiliumNetworkPolicy', schema: picking('endpointSelector') },
      cilium,
    ),
    walk: bySaying(
      `kubectl patch ciliumnetworkpolicy others --type merge -p '{"spec":{"endpointSelector":{"matchLabels":null,"matchExpressions":[{"key":"app","operator":"Exists"}]}}}'`,
    ),
    then: unserved,
  },
  {
    code: 'PolicyNotCopied',
    way: 'a VerticalPodAutoscaler is switched off',
    before: served(
      {
        ...{ group: 'autoscaling.k8s.io', version: 'v1', kind: 'VerticalPodAutoscaler' },
        schema: picking('targetRef'),
      },
      scaler,
    ),
    walk: bySaying(
      `kubectl patch verticalpodautoscaler ${APP} --type merge -p '{"spec":{"updatePolicy":{"updateMode":"Off"}}}'`,
    ),
    then: unserved,
  },
  {
    code: 'PolicyCannotBeRead',
    way: 'the worker is given list on the kind, by the rule of worker.moreKinds',
    before: served({ group: GUARDS, version: 'v1', kind: 'Guard', schema: picking('podSelector') }),
    walk: bySaying(
      `kubectl patch clusterrole scc-orchestrator-worker-facts --type json -p '[{"op":"add","path":"/rules/-","value":{"apiGroups":["${GUARDS}"],"resources":["guards"],"verbs":["list"]}}]'`,
    ),
    then: async (_accepted, ground) => {
      await unserved();
      await theChartsRights(ground);
    },
  },
];
