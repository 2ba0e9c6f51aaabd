import path from 'node:path';
import { ROUTER_PORTS } from '../haproxy/places.js';

/** The address that a person outside the namespace reaches, and where it listens inside. */
export const RELAYS = [
  { name: 'kubernetes', host: '127.0.0.1', port: 6443, scheme: 'https', preferred: 6443 },
  { name: 'temporalUi', host: '127.0.0.1', port: 8233, scheme: 'http', preferred: 8233 },
  { name: 'temporal', host: '127.0.0.1', port: 7233, scheme: 'grpc', preferred: 7233 },
  { name: 'governance', host: '127.0.0.1', port: 9443, scheme: 'https', preferred: 9443 },
  { name: 'ingress', host: '127.0.0.1', port: 15080, scheme: 'http', preferred: 15080 },
  { name: 'sidecar', host: '127.0.0.80', port: 80, scheme: 'http', preferred: 15081 },
  { name: 'router', host: '127.0.0.1', port: ROUTER_PORTS.http, scheme: 'http', preferred: ROUTER_PORTS.http },
  { name: 'prometheus', host: '127.0.0.1', port: 9090, scheme: 'http', preferred: 9090 },
] as const;

export type RelayName = (typeof RELAYS)[number]['name'];

export const relaySocket = (stateDir: string, name: string): string => path.join(stateDir, `${name}.sock`);
