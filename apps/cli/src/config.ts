import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** What the commands take from the environment where no option says otherwise. */
export interface Environment {
  kubeconfig: string | undefined;
  server: string | undefined;
  ca: string | undefined;
  token: string | undefined;
  tokenFile: string | undefined;
  temporal: string | undefined;
  temporalNamespace: string | undefined;
}

/** Empty variables count as absent. */
export function readEnvironment(env: Record<string, string | undefined> = process.env): Environment {
  const present = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const usual = path.join(homedir(), '.kube', 'config');
  return {
    kubeconfig: present('KUBECONFIG') ?? (existsSync(usual) ? usual : undefined),
    server: present('GOVERNANCE_URL'),
    ca: present('GOVERNANCE_CA_FILE'),
    token: present('GOVERNANCE_TOKEN'),
    tokenFile: present('GOVERNANCE_TOKEN_FILE'),
    temporal: present('TEMPORAL_ADDRESS'),
    temporalNamespace: present('TEMPORAL_NAMESPACE'),
  };
}
