import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evaluationSchema } from '@scc/governance-api';
import { waitFor } from '@scc/runtime';
import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { z } from 'zod';
import { startStack, type Stack, TOKEN_AUDIENCE } from '../src/index.js';
import { aRequest, ownWorkload } from '@scc/governance/testing';

/** Tokens of a real API server before the real process, which asks for bindings and for the cluster's RBAC. */

const ROOT = { namespace: 'scc-system', name: 'root' };
const VERA = { namespace: 'shop', name: 'vera' };
const ANA = { namespace: 'shop', name: 'ana' };
const BO = { namespace: 'shop', name: 'bo' };
const WORKER = { namespace: 'scc-system', name: 'worker' };
const userOf = ({ namespace, name }: { namespace: string; name: string }): string =>
  `system:serviceaccount:${namespace}:${name}`;

const account = ({ namespace, name }: { namespace: string; name: string }) =>
  `{ apiVersion: v1, kind: ServiceAccount, metadata: { name: ${name}, namespace: ${namespace} } }`;
const subject = ({ namespace, name }: { namespace: string; name: string }) =>
  `[{ kind: ServiceAccount, name: ${name}, namespace: ${namespace} }]`;
const MANIFESTS = `
{ apiVersion: v1, kind: Namespace, metadata: { name: shop } }
---
${account(VERA)}
---
${account(ROOT)}
---
${account(ANA)}
---
${account(BO)}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: scc-governance-engine }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scc-governance-engine }
subjects: ${subject(WORKER)}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: approvers, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scc-governance-approver }
subjects: [{ kind: Group, name: 'system:serviceaccounts:shop' }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: root-of-governance }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scc-governance-admin }
subjects: ${subject(ROOT)}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: vera-views, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: scc-governance-viewer }
subjects: ${subject(VERA)}
`;

let stack: Stack;
let ca: string;
let root: string;
let vera: string;
beforeAll(async () => {
  stack = await startStack({
    parts: { mesh: false, prometheus: false, worker: false, watcher: false },
    env: { governance: { ACCESS_MODE: 'both', ADMIN_USERS: userOf(ROOT) } },
  });
  ca = await readFile(path.join(stack.stateDir, 'tls', 'ca.crt'), 'utf8');
  await stack.apply(MANIFESTS);
  [root, vera] = [await stack.token(ROOT, TOKEN_AUDIENCE), await stack.token(VERA, TOKEN_AUDIENCE)];
}, 600_000);
afterAll(() => stack.stop(), 60_000);

interface Answer {
  status: number;
  body: unknown;
}

function call(token: string, method: string, route: string, body?: unknown): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${token}`,
    ...(payload === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
  };
  return new Promise((resolve, reject) => {
    const sent = request(new URL(route, stack.addresses.governance), { method, ca, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, body: text === '' ? null : (JSON.parse(text) as unknown) });
      });
    });
    sent.on('error', reject);
    sent.end(payload);
  });
}
const statusOf = async (token: string, route = '/v1/me'): Promise<number> => (await call(token, 'GET', route)).status;

describe('a token of the cluster', () => {
  it('tells who calls', async () => {
    expect(await call(vera, 'GET', '/v1/me')).toMatchObject({
      status: 200,
      body: { name: userOf(VERA), authenticatedBy: 'tokenReview', mode: 'both' },
    });
  });

  it('that is meant for the API server, or for another service, is not accepted', async () => {
    expect(await statusOf(await stack.token(ROOT))).toBe(401);
    expect(await statusOf(await stack.token(ROOT, 'somebody-else'))).toBe(401);
    const admin = await readFile(path.join(stack.stateDir, 'tokens', 'admin'), 'utf8');
    expect(await statusOf(admin.trim())).toBe(401);
  });

  describe('made with the key of the cluster', () => {
    let key: string;
    let uid: string;
    beforeAll(async () => {
      key = await readFile(path.join(stack.stateDir, 'sa.key'), 'utf8');
      const found = await stack.api.get('/api/v1/namespaces/shop/serviceaccounts/vera');
      ({ uid } = z.object({ metadata: z.object({ uid: z.string() }) }).parse(found).metadata);
    });
    const claims = (expiresInSeconds: number): JWTPayload => {
      const now = Math.floor(Date.now() / 1000);
      return {
        iss: 'https://kubernetes.default.svc',
        aud: [TOKEN_AUDIENCE],
        sub: userOf(VERA),
        iat: now - 7200,
        nbf: now - 7200,
        exp: now + expiresInSeconds,
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'vera', uid } },
      };
    };
    const signed = (payload: JWTPayload): Promise<string> =>
      new SignJWT(payload).setProtectedHeader({ alg: 'ES256' }).sign(createPrivateKey(key));

    it('is accepted while it lasts and not once it has expired', async () => {
      expect(await statusOf(await signed(claims(3600)))).toBe(200);
      expect(await statusOf(await signed(claims(-3600)))).toBe(401);
    });

    it('is not accepted without a signature, nor signed with the public key', async () => {
      expect(await statusOf(new UnsecuredJWT(claims(3600)).encode())).toBe(401);
      const secret = createPublicKey(key).export({ format: 'pem', type: 'spki' });
      const confused = await new SignJWT(claims(3600)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret));
      expect(await statusOf(confused)).toBe(401);
    });
  });
});

describe('with both sources', () => {
  it('RBAC alone opens nothing, and together with a binding what both name', async () => {
    expect(await statusOf(vera, '/v1/pods?namespace=shop')).toBe(403);
    const binding = { role: 'viewer', subject: { kind: 'User', name: userOf(VERA) }, namespaces: '*' };
    expect(await call(root, 'POST', '/v1/role-bindings', binding)).toMatchObject({ status: 201 });
    expect(await statusOf(vera, '/v1/pods?namespace=shop')).toBe(200);
    expect(await statusOf(vera, '/v1/pods?namespace=default')).toBe(403);
    expect(await statusOf(vera, '/v1/pods')).toBe(403);
  });

  it('a review says which binding allows it', async () => {
    const review = `apiVersion: authorization.k8s.io/v1
kind: SubjectAccessReview
spec:
  user: ${userOf(VERA)}
  resourceAttributes: { group: governance.scc.poc, resource: pods, verb: read, namespace: shop }
`;
    const file = path.join(stack.stateDir, 'review.yaml');
    await writeFile(file, review);
    const kubectl = ['--kubeconfig', stack.kubeconfig.inside, 'create', '-o', 'yaml', '-f', file];
    expect(await stack.exec(stack.binary('kubectl'), kubectl)).toMatch(
      /allowed: true[^]*RoleBinding "vera-views\/shop"/,
    );
  });

  it('kubectl answers about one permission by a review of oneself, and can-i does not', async () => {
    const kubectl = async (namespace: string, ...args: string[]): Promise<string> => {
      const identity = ['--kubeconfig', stack.kubeconfig.inside, '--as', userOf(VERA), '-n', namespace];
      return stack.exec(stack.binary('kubectl'), [...identity, ...args]);
    };
    const review = async (namespace: string): Promise<string> => {
      const resourceAttributes = { group: 'governance.scc.poc', resource: 'pods', verb: 'read', namespace };
      const file = path.join(stack.stateDir, `self-review-${namespace}.json`);
      await writeFile(
        file,
        JSON.stringify({
          ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
          spec: { resourceAttributes },
        }),
      );
      return kubectl(namespace, 'create', '--validate=false', '-o', 'jsonpath={.status.allowed}', '-f', file);
    };
    expect(await review('shop')).toBe('true');
    expect(await review('default')).toBe('false');
    await expect(kubectl('shop', 'auth', 'can-i', 'read', 'pods.governance.scc.poc')).rejects.toThrow();
  });

  it('kubectl lists what RBAC grants there', async () => {
    const listed = async (namespace: string): Promise<string[]> => {
      const identity = ['--kubeconfig', stack.kubeconfig.inside, '--as', userOf(VERA), '-n', namespace];
      const output = await stack.exec(stack.binary('kubectl'), ['auth', 'can-i', '--list', ...identity]);
      return output.split('\n').filter((line) => line.includes('governance.scc.poc'));
    };
    expect(await listed('shop')).toContainEqual(expect.stringMatching(/^pods\.governance\.scc\.poc .*\[read\]/));
    expect(await listed('default')).toEqual([]);
  });
});

describe('four eyes', () => {
  it('let another approver decide, and never the author', async () => {
    for (const one of [ANA, BO]) {
      const binding = { role: 'approver', subject: { kind: 'User', name: userOf(one) }, namespaces: 'shop' };
      expect(await call(root, 'POST', '/v1/role-bindings', binding)).toMatchObject({ status: 201 });
    }
    const worker = await stack.token(WORKER, TOKEN_AUDIENCE);
    const askedBy = async (name: string, author: string): Promise<(token: string) => Promise<Answer>> => {
      const { spec, ...workload } = ownWorkload(name);
      const plan = aRequest({ ...workload, author, spec: { ...spec, approval: { required: true } } });
      const path = `/v1/migrations/${plan.plan.uid}`;
      const asked = await call(worker, 'POST', `${path}/evaluations`, plan);
      const { contentHash, verdict } = evaluationSchema.parse(asked.body);
      expect(verdict).toBe('requireApproval');
      return (token) => call(token, 'POST', `${path}/approvals`, { decision: 'approve', contentHash });
    };
    const bo = await stack.token(BO, TOKEN_AUDIENCE);
    const ofAccount = await askedBy('of-account', userOf(ANA));
    expect(await ofAccount(await stack.token(ANA, TOKEN_AUDIENCE))).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('the author of a plan neither approves nor refuses it') as unknown },
    });
    expect((await ofAccount(vera)).status).toBe(403);
    expect(await ofAccount(bo)).toMatchObject({
      status: 403,
      body: { detail: 'a ServiceAccount wrote the plan, so that people decide about it' },
    });
    const ofPerson = await askedBy('of-person', 'ana');
    expect(await ofPerson(bo)).toMatchObject({ status: 200, body: { by: [userOf(BO)] } });
  });
});

describe('a revoked token', () => {
  it('opens nothing once the caches of both processes have run out', async () => {
    const max = { namespace: 'shop', name: 'max' };
    await stack.apply(`${account(max)}\n`);
    const token = await stack.token(max, TOKEN_AUDIENCE);
    expect(await statusOf(token)).toBe(200);
    const revokedAt = performance.now();
    await stack.api.call('DELETE', '/api/v1/namespaces/shop/serviceaccounts/max');
    await waitFor(async () => (await statusOf(token)) === 401, {
      timeoutMs: 90_000,
      everyMs: 500,
      what: 'the revoked token to be refused',
    });
    // 60 s are ours, 10 s the API server's own.
    expect(performance.now() - revokedAt).toBeLessThan(75_000);
  }, 100_000);
});

describe('while the API server is away', () => {
  it('a token that is new to it gets 503, and is let in afterwards', async () => {
    const fresh = await stack.token(ROOT, TOKEN_AUDIENCE);
    await stack.part('kube-apiserver').stop();
    try {
      expect(await statusOf(fresh)).toBe(503);
      expect(await statusOf(fresh, '/v1/role-bindings')).toBe(503);
    } finally {
      await stack.part('kube-apiserver').start();
    }
    await waitFor(async () => (await statusOf(fresh)) === 200, {
      timeoutMs: 30_000,
      what: 'the API server to be back',
    });
  }, 120_000);
});
