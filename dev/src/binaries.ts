import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const NAMES: Record<string, string> = {
  etcd: 'etcd-3.6.13',
  'kube-apiserver': 'kube-apiserver-1.36.3',
  'kube-controller-manager': 'kube-controller-manager-1.36.3',
  'kube-scheduler': 'kube-scheduler-1.36.3',
  kubectl: 'kubectl-1.36.3',
  istiod: 'istiod-1.31.0-eed52ebb66ad',
  temporal: 'temporal-1.5.1',
  prometheus: 'prometheus-0.312.0',
  envoy: 'envoy-1.40.0',
};
export async function findBinaries(
  _progress: (line: string) => void,
): Promise<{ binaries: Record<string, string>; crds: string }> {
  const cache = path.join(homedir(), '.cache', 'stateful-scc-orchestrator', 'bin');
  const binaries = Object.fromEntries(Object.entries(NAMES).map(([name, file]) => [name, path.join(cache, file)]));
  for (const file of Object.values(binaries)) if (!existsSync(file)) throw new Error(`missing ${file}`);
  return { binaries, crds: path.join(cache, '..', 'istio-crds-eed52ebb66ad.yaml') };
}
