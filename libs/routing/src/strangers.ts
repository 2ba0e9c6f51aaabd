interface Neighbour {
  kind: string;
  metadata: {
    name?: string | undefined;
    ownerReferences?:
      readonly { kind: string; name: string; controller?: boolean | null | undefined }[] | null | undefined;
  };
}

/**
 * How the workloads and live pods behind a Service that are not the moved workload's are named: pods by what they
 * belong to, each once.
 */
export function strangersAmong(workloads: readonly Neighbour[], pods: readonly Neighbour[]): string[] {
  const templated = workloads.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`);
  const owners = pods.map(({ metadata }) => {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    return owner ? `${owner.kind} ${owner.name}` : `pod ${metadata.name ?? ''}`;
  });
  // A ReplicaSet is named by its Deployment, which is named already.
  const isNamed = (owner: string): boolean =>
    templated.some(
      (name) => name.startsWith('Deployment ') && owner.startsWith(name.replace('Deployment', 'ReplicaSet')),
    );
  return [...new Set([...templated, ...owners.filter((owner) => !isNamed(owner))])];
}
