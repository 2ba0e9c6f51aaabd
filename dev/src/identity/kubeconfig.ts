import { stringify } from 'yaml';

/** A kubeconfig for one user; the credential is a bearer token, given directly or as a file that is read again. */
export function kubeconfig(options: {
  server: string;
  /** PEM */
  ca: string;
  user: string;
  credential: { token: string } | { tokenFile: string };
}): string {
  const { server, ca, user, credential } = options;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'dev',
    clusters: [{ name: 'dev', cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } }],
    users: [{ name: user, user: credential }],
    contexts: [{ name: 'dev', context: { cluster: 'dev', user } }],
  });
}
