import path from 'node:path';

/** What a person outside the namespace reaches, and on which port it listens inside. */
export const RELAYS = [
  { name: 'kubernetes', port: 6443, scheme: 'https', preferred: 6443 },
  { name: 'temporalUi', port: 8233, scheme: 'http', preferred: 8233 },
  { name: 'temporal', port: 7233, scheme: 'grpc', preferred: 7233 },
  { name: 'governance', port: 9443, scheme: 'https', preferred: 9443 },
  { name: 'ingress', port: 15080, scheme: 'http', preferred: 15080 },
  { name: 'prometheus', port: 9090, scheme: 'http', preferred: 9090 },
] as const;

export type RelayName = (typeof RELAYS)[number]['name'];

export const relaySocket = (stateDir: string, name: string): string => path.join(stateDir, `${name}.sock`);
