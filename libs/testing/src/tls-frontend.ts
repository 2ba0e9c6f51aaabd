import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { type Authority, createAuthority } from './authority.js';
import { freePort } from './ports.js';
import { startTemporal } from './temporal.js';

/** Where the local stack keeps or is told its Envoy (dev/src/binaries). */
const cache = process.env['SCC_DEV_CACHE'] ?? path.join(homedir(), '.cache', 'stateful-scc-orchestrator', 'bin');
const BINARY = process.env['SCC_DEV_ENVOY'] ?? path.join(cache, 'envoy-1.40.0');
const READY_MS = 30_000;

export interface TlsFrontend {
  address: string;
  stop: () => Promise<void>;
}

const file = (filename: string) => ({ filename });
const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/** One listener that ends TLS for clients with a certificate, and passes what they send to one port. */
const bootstrapOf = ({ port, target, folder }: { port: number; target: number; folder: string }) => ({
  node: { id: 'frontend', cluster: 'frontend' },
  static_resources: {
    listeners: [
      {
        name: 'frontend',
        address: at(port),
        filter_chains: [
          {
            transport_socket: {
              name: 'tls',
              typed_config: {
                '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                require_client_certificate: true,
                common_tls_context: {
                  alpn_protocols: ['h2'],
                  tls_certificates: [
                    {
                      certificate_chain: file(path.join(folder, 'tls.crt')),
                      private_key: file(path.join(folder, 'tls.key')),
                    },
                  ],
                  validation_context: { trusted_ca: file(path.join(folder, 'ca.crt')) },
                },
              },
            },
            filters: [
              {
                name: 'tcp',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
                  stat_prefix: 'frontend',
                  cluster: 'target',
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'target',
        connect_timeout: '5s',
        load_assignment: {
          cluster_name: 'target',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: at(target) } }] }],
        },
      },
    ],
  },
});

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });

/**
 * An Envoy that ends TLS in front of a server on loopback, under one DNS name, and lets in only clients that show a
 * certificate of the same authority.
 */
export async function startTlsFrontend(target: string, authority: Authority, dns: string): Promise<TlsFrontend> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-frontend-'));
  const { certificate, key } = await authority.issue('frontend', { dns: [dns], ip: [] });
  const port = await freePort();
  const bootstrap = bootstrapOf({ port, target: Number(target.split(':')[1]), folder });
  for (const [name, text] of [
    ['tls.crt', certificate],
    ['tls.key', key],
    ['ca.crt', authority.certificate],
    ['envoy.json', JSON.stringify(bootstrap)],
  ] as const)
    await writeFile(path.join(folder, name), text);
  const args = ['-c', path.join(folder, 'envoy.json'), '--concurrency', '1', '--log-level', 'off'];
  const envoy = spawn(BINARY, [...args, '--disable-hot-restart'], { cwd: folder, stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => envoy.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    envoy.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitFor(() => isOpen(port), { timeoutMs: READY_MS, everyMs: 50, what: `Envoy in front of ${target}` });
  } catch (error) {
    await stop();
    throw error;
  }
  return { address: `127.0.0.1:${port}`, stop };
}

/** A Temporal that is reached with a client certificate alone, and the variables of clients with one and without. */
export interface GuardedTemporal {
  trusted: Record<string, string>;
  /** Everything but a certificate of their own. */
  untrusted: Record<string, string>;
  /** Everything but the name that Temporal's certificate bears. */
  unnamed: Record<string, string>;
  stop: () => Promise<void>;
}

const NAME = 'temporal.scc-system.svc';

export async function startGuardedTemporal(): Promise<GuardedTemporal> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-guarded-temporal-'));
  const temporal = await startTemporal();
  const authority = await createAuthority('ours');
  const frontend = await startTlsFrontend(temporal.address, authority, NAME);
  const { certificate, key } = await authority.issue('client', { dns: [], ip: [], usage: 'client' });
  for (const [name, text] of [
    ['ca.crt', authority.certificate],
    ['client.crt', certificate],
    ['client.key', key],
  ] as const)
    await writeFile(path.join(folder, name), text);
  const unnamed = {
    TEMPORAL_ADDRESS: frontend.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    TEMPORAL_TLS_CA_FILE: path.join(folder, 'ca.crt'),
    TEMPORAL_TLS_CERT_FILE: path.join(folder, 'client.crt'),
    TEMPORAL_TLS_KEY_FILE: path.join(folder, 'client.key'),
  };
  const trusted = { ...unnamed, TEMPORAL_TLS_SERVER_NAME: NAME };
  const { TEMPORAL_TLS_CERT_FILE: _certificate, TEMPORAL_TLS_KEY_FILE: _key, ...untrusted } = trusted;
  return {
    trusted,
    untrusted,
    unnamed,
    stop: async () => {
      await frontend.stop();
      await temporal.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
