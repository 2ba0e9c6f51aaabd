import { defaultSCCs } from '../cluster/default-sccs.js';
import { type CompiledSCCs, compileSCCs } from '../model/compile.js';
import type { Pod } from '../model/pod.js';
import { SHOP } from '../model/scc.fixture.js';
import { type AdmissionRequest, serviceAccountSubject } from './request.js';

export const DEFAULTS: CompiledSCCs = compileSCCs(defaultSCCs());

/** A request of the ReplicaSet controller in which everybody may use the named SCCs; all of them when none is named. */
export function aRequest(
  pod: Pod,
  usable?: readonly string[],
  changes: Partial<AdmissionRequest> = {},
): AdmissionRequest {
  return {
    operation: 'CREATE',
    pod,
    namespace: SHOP,
    subjects: {
      serviceAccount: serviceAccountSubject('shop', 'web'),
      requester: { name: 'ana', groups: ['system:authenticated'] },
    },
    mayUse: (_subject, scc) => usable?.includes(scc) ?? true,
    ...changes,
  };
}
