import { stringify } from 'yaml';
import { SYSTEM_NAMESPACE } from '../cluster/accounts.js';
import type { ClusterApi } from '../cluster/api.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';
import { webhookClientFiles } from './webhook-client.js';

/** The data store. It keeps nothing after the stack, so it need not wait for the disk. */
export const etcd = ({ binary, file }: PartContext): PartDefinition => ({
  name: 'etcd',
  command: binary('etcd'),
  args: [
    ...['--listen-client-urls', 'http://127.0.0.1:2379', '--advertise-client-urls', 'http://127.0.0.1:2379'],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--unsafe-no-fsync', '--data-dir', file('etcd')],
  ],
  ready: () => answers('http://127.0.0.1:2379/readyz'),
});

const PRODUCT = `system:serviceaccounts:${SYSTEM_NAMESPACE}`;

/** The API server's records of requests, where it is told to keep them: who asked for what, and what it answered. */
export const auditPolicy = (): string =>
  stringify({
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [
      {
        level: 'Request',
        userGroups: [PRODUCT],
        resources: [{ group: 'authorization.k8s.io', resources: ['subjectaccessreviews'] }],
      },
      { level: 'Metadata', userGroups: [PRODUCT] },
      { level: 'None' },
    ],
  });

export const apiServer = ({ binary, file, options }: PartContext, api: ClusterApi): PartDefinition => ({
  name: 'kube-apiserver',
  command: binary('kube-apiserver'),
  args: [
    ...['--etcd-servers', 'http://127.0.0.1:2379', '--secure-port', '6443', '--bind-address', '127.0.0.1'],
    ...['--advertise-address', '10.244.0.1', '--cert-dir', file('apiserver'), '--endpoint-reconciler-type', 'none'],
    ...['--tls-cert-file', file('tls', 'tls.crt'), '--tls-private-key-file', file('tls', 'tls.key')],
    ...['--service-account-key-file', file('sa.pub'), '--service-account-signing-key-file', file('sa.key')],
    ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-cluster-ip-range', '10.96.0.0/16'],
    ...['--token-auth-file', file('tokens.csv'), '--authorization-mode', 'Node,RBAC', '--allow-privileged'],
    ...['--kubelet-preferred-address-types', 'InternalIP'],
    ...['--enable-admission-plugins', 'NodeRestriction', '--profiling=false'],
    ...['--admission-control-config-file', webhookClientFiles(file).admission],
    ...(options.recordRequests
      ? ['--audit-policy-file', file('audit-policy.yaml'), '--audit-log-path', file('logs', 'requests.jsonl')]
      : []),
  ],
  ready: async () => (await api.get('/readyz')) === 'ok',
  stopTimeoutMs: 5000,
});

/** A readiness that asks over HTTPS without a client certificate: these ports serve a certificate of their own. */
const healthz = (port: number) => (): Promise<boolean> =>
  import('node:https').then(
    ({ get }) =>
      new Promise((resolve, reject) => {
        get({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode === 200);
        }).on('error', reject);
      }),
  );

export const controllerManager = ({ binary, file }: PartContext): PartDefinition => ({
  name: 'kube-controller-manager',
  command: binary('kube-controller-manager'),
  args: [
    ...['--kubeconfig', file('kubeconfigs', 'kube-controller-manager'), '--leader-elect=false'],
    ...['--service-account-private-key-file', file('sa.key'), '--use-service-account-credentials'],
    ...['--root-ca-file', file('tls', 'ca.crt'), '--bind-address', '127.0.0.1'],
    ...['--cert-dir', file('controller-manager'), '--profiling=false'],
    // Tests stop the API server for a minute: nodes that were not heard of meanwhile keep their pods in their Services.
    '--node-monitor-grace-period=3m',
  ],
  ready: healthz(10257),
  stopTimeoutMs: 3000,
});

export const scheduler = ({ binary, file }: PartContext): PartDefinition => ({
  name: 'kube-scheduler',
  command: binary('kube-scheduler'),
  args: [
    ...['--kubeconfig', file('kubeconfigs', 'kube-scheduler'), '--leader-elect=false'],
    ...['--bind-address', '127.0.0.1', '--cert-dir', file('scheduler'), '--profiling=false'],
  ],
  ready: healthz(10259),
  stopTimeoutMs: 3000,
});
