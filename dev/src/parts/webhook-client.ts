import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { createAuthority } from '@scc/testing/authority';
import { WEBHOOK_PORT, WEBHOOK_SERVICE } from '../cluster/webhooks.js';
import type { PartContext } from './context.js';

/** How the API server proves to webhooks who it is, as paths. */
export const webhookClientFiles = (file: PartContext['file']) => ({
  /** The CA that signed its client certificate, PEM. */
  authority: file('tls', 'webhook-clients.crt'),
  /** The API server's AdmissionConfiguration. */
  admission: file('admission.yaml'),
  kubeconfig: file('kubeconfigs', 'webhooks'),
});

const CONFIGURATION_API = 'apiserver.config.k8s.io/v1';
const PLUGINS = ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook'];

/** Makes a client certificate for the API server, which presents it to the product's webhook and to no other. */
export async function writeWebhookClient(file: PartContext['file']): Promise<void> {
  const { authority, admission, kubeconfig } = webhookClientFiles(file);
  // Of its own: who holds any certificate of the stack's authority is not the API server.
  const clients = await createAuthority('scc-dev-stack-webhook-clients');
  const { key, certificate } = await clients.issue('kube-apiserver', {
    dns: ['kube-apiserver'],
    ip: [],
    usage: 'client',
  });
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const user = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  const configuration = {
    apiVersion: CONFIGURATION_API,
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile: kubeconfig,
  };
  await Promise.all([
    writeFile(authority, clients.certificate),
    writeFile(
      kubeconfig,
      // The API server looks a webhook up among the users by its address, or by the name of its Service.
      stringify({
        ...{ apiVersion: 'v1', kind: 'Config' },
        users: [WEBHOOK_SERVICE, `127.0.0.1:${WEBHOOK_PORT}`].map((name) => ({ name, user })),
      }),
      { mode: 0o600 },
    ),
    writeFile(
      admission,
      stringify({
        apiVersion: CONFIGURATION_API,
        kind: 'AdmissionConfiguration',
        plugins: PLUGINS.map((name) => ({ name, configuration: { ...configuration } })),
      }),
    ),
  ]);
}
