import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { ahead } from '../paths.js';
import type { PartDefinition } from '../supervisor/process.js';
import { answers, type PartContext } from './context.js';

const ISTIO_VERSION = '1.31.0';

/** Plain Envoy lacks Istio's own filters, and there are no mesh certificates here. */
const ISTIOD_ENV = {
  POD_NAME: 'istiod',
  POD_NAMESPACE: 'istio-system',
  CLUSTER_ID: 'Kubernetes',
  ISTIOD_CUSTOM_HOST: '127.0.0.1',
  PILOT_ENABLE_ALPN_FILTER: 'false',
  PILOT_ENABLE_METADATA_EXCHANGE: 'false',
  PILOT_ENABLE_TELEMETRY_LABEL: 'false',
  // Gateways are bound to the proxy that runs: nothing is deployed for them.
  PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: 'false',
  VALIDATION_WEBHOOK_CONFIG_NAME: '',
  INJECTION_WEBHOOK_CONFIG_NAME: '',
};

export const meshConfig = (): string => stringify({ trustDomain: 'cluster.local', enableAutoMtls: false });

export const istiod = ({ binary, file }: PartContext): PartDefinition => ({
  name: 'istiod',
  command: binary('istiod'),
  args: [
    ...['discovery', '--kubeconfig', file('kubeconfigs', 'istiod'), '--meshConfig', file('mesh.yaml')],
    ...['--networksConfig', '/dev/null', '--httpAddr', '127.0.0.1:8081', '--httpsAddr', '127.0.0.1:15017'],
    ...['--grpcAddr', '127.0.0.1:15010', '--secureGRPCAddr', '127.0.0.1:15012'],
    ...['--monitoringAddr', '127.0.0.1:15014', '--ctrlz_address', '127.0.0.1'],
  ],
  env: ISTIOD_ENV,
  ready: () => answers('http://127.0.0.1:8081/ready'),
  stopTimeoutMs: 3000,
});

interface Proxy {
  name: string;
  role: 'router' | 'sidecar';
  ip: string;
  /** workload.namespace */
  workload: string;
  namespace: string;
  labels: Record<string, string>;
  adminPort: number;
}

export const GATEWAY: Proxy = {
  name: 'envoy-gateway',
  role: 'router',
  ip: '10.244.250.1',
  workload: 'gateway',
  namespace: 'istio-ingress',
  labels: { istio: 'ingressgateway' },
  adminPort: 15000,
};

/** The proxy of the clients in the namespace `shop`: they call 127.0.0.80:80 with the Host header of a service. */
export const SIDECAR: Proxy = {
  name: 'envoy-client',
  role: 'sidecar',
  ip: '10.244.250.2',
  workload: 'client',
  namespace: 'shop',
  labels: { app: 'client' },
  adminPort: 15001,
};

const bootstrap = (proxy: Proxy): object => ({
  node: {
    id: `${proxy.role}~${proxy.ip}~${proxy.workload}.${proxy.namespace}~${proxy.namespace}.svc.cluster.local`,
    cluster: `${proxy.workload}.${proxy.namespace}`,
    metadata: {
      NAMESPACE: proxy.namespace,
      LABELS: proxy.labels,
      CLUSTER_ID: 'Kubernetes',
      ISTIO_VERSION,
      INTERCEPTION_MODE: 'NONE',
    },
  },
  admin: { address: { socket_address: { address: '127.0.0.1', port_value: proxy.adminPort } } },
  // Istio ends a cluster's name in the statistics with ";", so that the dots in host names stay part of it.
  stats_config: {
    use_all_default_tags: false,
    stats_tags: [
      { tag_name: 'envoy.cluster_name', regex: '^cluster(\\.(.+);)' },
      { tag_name: 'envoy.response_code', regex: '_rq(_(\\d{3}))$' },
      { tag_name: 'envoy.response_code_class', regex: '_rq_(\\d)xx$' },
    ],
  },
  dynamic_resources: {
    ads_config: {
      api_type: 'DELTA_GRPC',
      transport_api_version: 'V3',
      set_node_on_first_message_only: true,
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
    },
    cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
    lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
  },
  static_resources: {
    clusters: [
      {
        name: 'xds-grpc',
        type: 'STATIC',
        connect_timeout: '1s',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'xds-grpc',
          endpoints: [
            {
              lb_endpoints: [
                { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: 15010 } } } },
              ],
            },
          ],
        },
      },
    ],
  },
});

export const writeBootstrap = ({ file }: PartContext, proxy: Proxy): Promise<void> =>
  writeFile(file(`${proxy.name}.json`), JSON.stringify(bootstrap(proxy)));

/** Hot restart would share memory by a number that stacks beside each other would both claim. */
export const envoy = ({ binary, file }: PartContext, proxy: Proxy): PartDefinition => ({
  name: proxy.name,
  ...ahead(binary('envoy'), [
    ...['-c', file(`${proxy.name}.json`), '--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning'],
  ]),
  ready: () => answers(`http://127.0.0.1:${proxy.adminPort}/ready`),
  stopTimeoutMs: 2000,
  dataPath: true,
});
