/** A ServiceAccount that may use an SCC, as manifests to be applied. */
export const accountUnder = (scc: string, namespace: string, name: string): string => `
apiVersion: v1
kind: ServiceAccount
metadata: { name: ${name}, namespace: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}-${scc}, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:openshift:scc:${scc}' }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: ${namespace} }]
`;
