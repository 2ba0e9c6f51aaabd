import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { kubeconfig } from '../identity/kubeconfig.js';
import type { ClusterApi } from './api.js';

const tokenSchema = z.looseObject({ status: z.looseObject({ token: z.string() }) });
const DAY_SECONDS = 24 * 60 * 60;

/** The namespace of the product's own processes and ServiceAccounts. */
export const SYSTEM_NAMESPACE = 'scc-system';
/** The audience that a token must have to be accepted by the governance API. */
export const TOKEN_AUDIENCE = 'scc-governance';

/** A token of a ServiceAccount, valid for a day; `audience` absent means the API server itself. */
export async function serviceAccountToken(
  api: ClusterApi,
  account: { namespace: string; name: string },
  audience?: string,
): Promise<string> {
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: DAY_SECONDS, ...(audience === undefined ? {} : { audiences: [audience] }) },
  };
  const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
  return tokenSchema.parse(await api.create(path, body)).status.token;
}

/** Writes the kubeconfig of one product process: its ServiceAccount, by a token file of its own. */
export async function writeAccountKubeconfig(
  api: ClusterApi,
  name: string,
  options: { file: (...segments: string[]) => string; ca: string },
): Promise<void> {
  const tokenFile = options.file('tokens', `${name}.kube`);
  await mkdir(options.file('tokens'), { recursive: true });
  await writeFile(tokenFile, await serviceAccountToken(api, { namespace: SYSTEM_NAMESPACE, name }), { mode: 0o600 });
  const target = options.file('kubeconfigs', name);
  const server = 'https://127.0.0.1:6443';
  await writeFile(target, kubeconfig({ server, ca: options.ca, user: name, credential: { tokenFile } }));
  await chmod(target, 0o600);
}
