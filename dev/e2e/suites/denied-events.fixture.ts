import { waitFor } from '@scc/runtime';
import type { Stack } from '../../src/index.js';
import { NAMESPACE, TIMEOUT_MS } from '../engine.fixture.js';

/** The API server takes no Event of the worker, as one with a quota or a policy of its own may. */

const WORKER = { namespace: 'scc-system', name: 'worker' };
const DENIED = 'denied by a test';
const POLICIES = '/apis/admissionregistration.k8s.io/v1';
const NAME = 'no-events';

const policy = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: ${NAME} }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{ apiGroups: ['', events.k8s.io], apiVersions: [v1], operations: [CREATE], resources: [events] }]
  validations:
    - expression: "request.userInfo.username != 'system:serviceaccount:${WORKER.namespace}:${WORKER.name}'"
      message: ${DENIED}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: ${NAME} }
spec: { policyName: ${NAME}, validationActions: [Deny] }
`;

const event = {
  ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: NAME, namespace: NAMESPACE } },
  ...{ type: 'Normal', reason: 'Tried', action: 'Try', note: 'x', reportingController: 'x', reportingInstance: 'x' },
  regarding: { apiVersion: 'v1', kind: 'Namespace', name: NAMESPACE, namespace: NAMESPACE },
};

/** Runs the work while no Event of the worker is taken. */
export async function withoutEvents<T>(stack: Stack, work: () => Promise<T>): Promise<T> {
  await stack.apply(policy);
  try {
    const api = stack.apiAs(await stack.token(WORKER));
    const path = `/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events?dryRun=All`;
    const isDenied = (): Promise<boolean> =>
      api.create(path, { ...event, eventTime: `${new Date().toISOString().slice(0, -1)}000Z` }).then(
        () => false,
        (error: unknown) => String(error).includes(DENIED),
      );
    // A policy holds a moment after it was made.
    await waitFor(isDenied, { timeoutMs: TIMEOUT_MS, what: 'the policy to hold' });
    return await work();
  } finally {
    for (const kind of ['validatingadmissionpolicybindings', 'validatingadmissionpolicies'])
      await stack.api.call('DELETE', `${POLICIES}/${kind}/${NAME}`);
  }
}
