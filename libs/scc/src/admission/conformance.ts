import { z } from 'zod';
import type { CompiledSCCs } from '../model/compile.js';
import { type AdmissionRequest, serviceAccountSubject, type Subject } from './request.js';
import { decide, validatePass } from './decide.js';
import { sccSchema } from '../model/scc.js';
import { podSchema } from '../model/pod.js';

const strings = z.record(z.string(), z.string()).nullish();

/** One recorded admission: the request, who may `use` which SCC there, and the cluster's own SCCs as written. */
export const conformanceCaseSchema = z.object({
  id: z.string(),
  namespace: z.object({ metadata: z.object({ name: z.string(), labels: strings, annotations: strings }) }),
  sccs: z.array(sccSchema).nullish(),
  pod: podSchema,
  oldPod: podSchema.nullish(),
  operation: z.enum(['CREATE', 'UPDATE']),
  subresource: z.string().nullish(),
  requester: z.object({ name: z.string(), groups: z.array(z.string()).nullish() }),
  /** A subject is the name of a user, ServiceAccount or group; `*` is every SCC. */
  use: z.array(z.object({ subject: z.string(), scc: z.string() })).nullish(),
});
export type ConformanceCase = z.infer<typeof conformanceCaseSchema>;

export interface ConformanceResult {
  readonly id: string;
  readonly decision: 'ignored' | 'rejected' | 'admitted';
  readonly reason?: string;
  readonly scc?: string;
  readonly subjectType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
  /** The validating pass accepts the resulting pod. */
  readonly revalidates?: boolean;
}

const isOf = (subject: Subject | undefined, grantee: string): boolean =>
  subject !== undefined && (subject.name === grantee || subject.groups.includes(grantee));

/** The request that a case records. */
export function requestOfCase(recorded: ConformanceCase): AdmissionRequest {
  const { namespace, pod, oldPod, operation, subresource, requester, use } = recorded;
  const { name, labels, annotations } = namespace.metadata;
  const account = pod.spec.serviceAccountName;
  const subjects = {
    serviceAccount: account ? serviceAccountSubject(name, account) : undefined,
    requester: { name: requester.name, groups: requester.groups ?? [] },
  };
  return {
    operation,
    subresource: subresource ?? '',
    pod,
    oldPod: oldPod ?? undefined,
    namespace: { name, labels, annotations },
    subjects,
    mayUse: (type, scc) =>
      (use ?? []).some(
        (grant) =>
          (grant.scc === '*' || grant.scc === scc) &&
          isOf(type === 'user' ? subjects.requester : subjects.serviceAccount, grant.subject),
      ),
  };
}

/** Decides a case and runs the validating pass on what it admits. */
export function resultOfCase(recorded: ConformanceCase, compiled: CompiledSCCs): ConformanceResult {
  const { id } = recorded;
  const request = requestOfCase(recorded);
  const decision = decide(request, compiled);
  switch (decision.decision) {
    case 'ignored':
      return { id, decision: 'ignored' };
    case 'rejected':
      return { id, decision: 'rejected', reason: decision.reason };
    case 'admitted': {
      const { scc, subjectType, annotations, pod } = decision;
      const revalidates = validatePass({ ...request, pod }, compiled).decision !== 'rejected';
      return { id, decision: 'admitted', scc, subjectType, annotations, spec: pod.spec, revalidates };
    }
  }
}
