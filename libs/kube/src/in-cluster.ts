import path from 'node:path';
import { z } from 'zod';
import type { CurrentContext } from './kubeconfig.js';

const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const podSchema = z.object({ KUBERNETES_SERVICE_HOST: z.string().min(1), KUBERNETES_SERVICE_PORT: z.string().min(1) });

/** The kubelet's gift to every pod: the API server's address and the ServiceAccount's token. @throws Error elsewhere */
export function inCluster(): CurrentContext {
  const pod = podSchema.safeParse(process.env);
  if (!pod.success) throw new Error('no kubeconfig is given, and this process does not run in a cluster');
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = pod.data;
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ca: { file: path.join(FOLDER, 'ca.crt') },
    skipTLSVerify: false,
    serverName: undefined,
    userName: 'the ServiceAccount of the pod',
    token: { file: path.join(FOLDER, 'token') },
    certificate: undefined,
    key: undefined,
    basic: undefined,
    impersonate: undefined,
    proxy: undefined,
    needsPlugin: false,
  };
}
