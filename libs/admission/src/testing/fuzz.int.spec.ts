import { Agent, request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AUTHOR_ANNOTATION, identityAnnotations } from '@scc/plan';
import { createLogger } from '@scc/runtime';
import { scaled, seedOf } from '@scc/testing/scale';
import { hooksOf } from '../service/admission.js';
import {
  aPod,
  objectReview,
  podReview,
  type ReviewAnswer,
  startTestAdmission,
  type TestAdmission,
} from './admission.fixture.js';
import { grantOf, sccRole, standardObjects, TestCluster } from './cluster.fixture.js';
import { createAnswering, type Reply } from '../http/answering.js';
import { cacheCluster } from '../cache/cluster.js';
import { createMetrics } from '../http/metrics.js';

const SEED = seedOf(20261126);
const REVIEWS = scaled(120_000);
const OVER_TLS = scaled(5_000);

/** Mulberry32: the same reviews in every run. */
function generator(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return { below, pick: <T>(list: readonly T[]): T => list[below(list.length)]! };
}
type Random = ReturnType<typeof generator>;

type Json = Record<string, unknown>;
const pod = aPod({
  spec: {
    containers: [
      { name: 'app', image: 'a', securityContext: { runAsUser: 1000680000, capabilities: { drop: ['ALL'] } } },
    ],
    volumes: [{ name: 'data', emptyDir: {} }],
  },
});
/** As the mutating webhook leaves it. */
const defaulted = aPod({
  metadata: {
    annotations: {
      'openshift.io/scc': 'restricted-v2',
      'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
    },
  },
  spec: {
    ...pod.spec,
    securityContext: {
      fsGroup: 1000680000,
      seLinuxOptions: { level: 's0:c26,c15' },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        ...{ name: 'app', image: 'a' },
        securityContext: {
          ...{ runAsUser: 1000680000, runAsNonRoot: true, allowPrivilegeEscalation: false },
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  },
});
const template = { metadata: { labels: { app: 'a' } }, spec: pod.spec };
const plan = {
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: {
    name: 'p',
    namespace: 'shop',
    annotations: identityAnnotations(AUTHOR_ANNOTATION, { username: 'ana', uid: '', groups: [], extra: {} }),
  },
  spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' },
};
const namespace = { metadata: { name: 'shop', labels: { 'scc.poc/enforce': 'true' } } };

/** Where a review can be broken such that it must not be taken for an understood one. */
const COMMON = [
  'apiVersion',
  'kind',
  'request',
  'request.uid',
  'request.operation',
  'request.kind',
  'request.kind.kind',
  'request.resource',
  'request.userInfo',
  'request.object',
];
const IN_PODS = [
  'request.namespace',
  'request.resource.resource',
  'request.object.metadata',
  'request.object.spec',
  'request.object.spec.containers.0',
  'request.object.spec.containers.0.name',
];

interface Target {
  readonly path: string;
  readonly review: () => Json;
  /** Paths at which a wrong value makes nonsense of the review. */
  readonly vital: readonly string[];
}

const targets: readonly Target[] = [
  { path: '/mutate/pods', review: () => podReview(pod), vital: [...COMMON, ...IN_PODS] },
  { path: '/validate/pods', review: () => podReview(defaulted), vital: [...COMMON, ...IN_PODS] },
  {
    path: '/validate/pods',
    review: () => podReview(pod, { operation: 'UPDATE', oldObject: pod, subResource: 'resize' }),
    vital: [...COMMON, ...IN_PODS, 'request.oldObject', 'request.oldObject.spec'],
  },
  {
    path: '/validate/workloads',
    review: () =>
      objectReview(['apps', 'v1', 'Deployment', 'deployments'], {
        object: { metadata: { name: 'l' }, spec: { template } },
      }),
    vital: [...COMMON, 'request.object.spec', 'request.object.spec.template', 'request.object.spec.template.spec'],
  },
  {
    path: '/mutate/plans',
    review: () => objectReview(['scc.poc', 'v1', 'SCCMigrationPlan', 'sccmigrationplans'], { object: plan }),
    vital: COMMON,
  },
  {
    path: '/validate/plans',
    review: () =>
      objectReview(['scc.poc', 'v1', 'SCCMigrationPlan', 'sccmigrationplans'], {
        object: plan,
        userInfo: { username: 'ana' },
      }),
    vital: [
      ...COMMON,
      'request.namespace',
      'request.object.spec',
      'request.object.spec.workloadRef',
      'request.object.spec.targetSCC',
    ],
  },
  {
    path: '/validate/grants',
    review: () =>
      objectReview(['rbac.authorization.k8s.io', 'v1', 'RoleBinding', 'rolebindings'], {
        object: grantOf('anyuid', 'ledger'),
      }),
    vital: [...COMMON, 'request.object.roleRef', 'request.object.metadata'],
  },
  {
    path: '/validate/grants',
    review: () =>
      objectReview(['rbac.authorization.k8s.io', 'v1', 'ClusterRole', 'clusterroles'], { object: sccRole('anyuid') }),
    vital: [...COMMON, 'request.object.metadata'],
  },
  {
    path: '/validate/namespaces',
    review: () =>
      objectReview(['', 'v1', 'Namespace', 'namespaces'], {
        operation: 'UPDATE',
        object: namespace,
        oldObject: namespace,
      }),
    vital: [...COMMON, 'request.oldObject', 'request.object.metadata'],
  },
];

/** Of no type that any vital place has. */
const WRONG: readonly unknown[] = [undefined, null, 0, -1, 1e300, true, [], [[]], '', [null]];
const SPICE: readonly unknown[] = [
  ...WRONG,
  'admission.k8s.io/v1beta1',
  {},
  { __proto__: 1 },
  JSON.parse('{"__proto__":{"allowed":true},"constructor":{"prototype":1}}'),
  '💥\u0000',
  'x'.repeat(5000),
  Number.MAX_SAFE_INTEGER,
];

function set(root: Json, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at: unknown = root;
  for (const key of keys) at = typeof at === 'object' && at !== null ? (at as Json)[key] : undefined;
  if (typeof at !== 'object' || at === null) return;
  if (value === undefined) Reflect.deleteProperty(at, last);
  // A copy: the next edit may be inside it.
  else Reflect.set(at, last, structuredClone(value));
}

function pathsIn(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value)
    .flatMap(([key, inner]) => [path, ...pathsIn(inner, path === '' ? key : `${path}.${key}`)])
    .filter(Boolean);
}

interface Attack {
  readonly path: string;
  readonly body: Buffer;
  /** The answer must never be `allowed: true`. */
  readonly isNonsense: boolean;
}

const brokenVitally = (random: Random, { path, review, vital }: Target): Attack => {
  const broken = structuredClone(review());
  set(broken, random.pick(vital), random.pick(WRONG));
  return { path, body: Buffer.from(JSON.stringify(broken)), isNonsense: true };
};

const brokenAnywhere = (random: Random, { path, review }: Target): Attack => {
  const broken = structuredClone(review());
  for (let edits = 1 + random.below(4); edits > 0; edits -= 1)
    set(broken, random.pick([...pathsIn(broken), 'spare']), random.pick(SPICE));
  return { path, body: Buffer.from(JSON.stringify(broken)), isNonsense: false };
};

const brokenText = (random: Random, { path, review }: Target): Attack => {
  const whole = Buffer.from(JSON.stringify(review()));
  return { path, body: whole.subarray(0, random.below(whole.length)), isNonsense: true };
};

const brokenBytes = (random: Random, { path, review }: Target): Attack => {
  const bytes = Buffer.from(JSON.stringify(review()));
  for (let edits = 1 + random.below(8); edits > 0; edits -= 1) bytes[random.below(bytes.length)] = random.below(256);
  return { path, body: bytes, isNonsense: false };
};

const deep = (random: Random, { path, review }: Target): Attack => {
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ] as const);
  const levels = 101 + random.below(5000);
  const nest = `${open.repeat(levels)}1${close.repeat(levels)}`;
  const text = JSON.stringify(review()).replace(/\}\}$/, `,"extra":${nest}}}`);
  return { path, body: Buffer.from(text), isNonsense: true };
};

const KINDS = [
  brokenVitally,
  brokenVitally,
  brokenVitally,
  brokenAnywhere,
  brokenAnywhere,
  brokenText,
  brokenBytes,
  deep,
];

const uidOf = (body: Buffer): unknown => {
  try {
    return (JSON.parse(body.toString()) as { request?: { uid?: unknown } } | null)?.request?.uid;
  } catch {
    return undefined;
  }
};

/** The fault of a reply to an attack; undefined when there is none. */
function fault(
  { body, isNonsense }: Attack,
  { status, body: text }: Pick<Reply, 'status' | 'body'>,
): string | undefined {
  if (status >= 500) return `HTTP ${status}`;
  if (status !== 200) return status >= 400 ? undefined : `HTTP ${status}`;
  const { response } = JSON.parse(text) as ReviewAnswer;
  if (response.uid !== uidOf(body)) return 'another uid';
  if (isNonsense && response.allowed) return 'allowed nonsense';
  return response.status?.code === 500 ? 'failed inside' : undefined;
}

const shown = (attack: Attack, why: string): string =>
  `${why}: ${attack.path} ${attack.body.toString().slice(0, 1500)}`;

describe('hostile reviews', () => {
  it(
    `are never allowed and never hurt: ${REVIEWS} of them`,
    async () => {
      const logger = createLogger('fuzz', 'silent');
      const cluster = new TestCluster(standardObjects());
      const cache = cacheCluster({
        makeInformer: cluster.makeInformer,
        mode: 'kubernetes',
        keepPods: true,
        logger,
        onNamespace: () => undefined,
      });
      await cache.complete;
      const config = {
        mode: 'kubernetes',
        workloads: 'warn',
        checkExec: true,
        guarded: new Map<string, Set<string>>(),
        engine: 'system:serviceaccount:scc-system:worker',
      } as const;
      const hooks = hooksOf({ cache, config }, { subjectAccessReview: () => Promise.resolve(false) });
      const answering = createAnswering({ hooks, cache, budgetMs: 1, metrics: createMetrics(), logger });
      const random = generator(SEED);
      const faults: string[] = [];
      for (let done = 0; done < REVIEWS; done += 1) {
        const attack = random.pick(KINDS)(random, random.pick(targets));
        const why = fault(attack, await answering.reply(attack.path, attack.body, performance.now()));
        if (why) faults.push(shown(attack, why));
      }
      expect(faults.slice(0, 5)).toEqual([]);
    },
    scaled(300_000),
  );

  describe('over TLS', () => {
    let webhook: TestAdmission;
    beforeAll(async () => {
      webhook = await startTestAdmission({ config: { budgetMs: 50 } });
    });
    afterAll(() => webhook.stop());

    it(
      `get an answer each: ${OVER_TLS} of them`,
      async () => {
        const random = generator(SEED + 1);
        const faults: string[] = [];
        for (let done = 0; done < OVER_TLS; done += 10)
          await Promise.all(
            Array.from({ length: 10 }, async () => {
              const attack = random.pick(KINDS)(random, random.pick(targets));
              const { status, text } = await webhook.post(attack.path, attack.body);
              const why = fault(attack, { status, body: text });
              if (why) faults.push(shown(attack, why));
            }),
          );
        expect(faults.slice(0, 5)).toEqual([]);
      },
      scaled(120_000),
    );

    it.each(targets)('would be allowed whole at $path', async ({ path, review }) => {
      const { response } = (await webhook.post(path, review())).json ?? {};
      expect([response]).toEqual([expect.objectContaining({ allowed: true })]);
    });

    it.each<[string, { method?: string; contentType?: string }, number]>([
      ['another method', { method: 'GET' }, 405],
      ['another content type', { contentType: 'text/yaml' }, 415],
    ])('%s is refused', async (_case, options, status) => {
      expect((await webhook.post('/mutate/pods', options.method ? '' : '{}', options)).status).toBe(status);
    });

    it('more than 3 MiB is refused, and the next review is answered', async () => {
      const huge = podReview(aPod({ metadata: { annotations: { a: 'x'.repeat(4 * 1024 * 1024) } } }));
      const refused = await webhook.post('/mutate/pods', huge).catch(() => ({ status: 413 }));
      expect(refused.status).toBe(413);
      expect((await webhook.post('/mutate/pods', podReview(aPod()))).json?.response.allowed).toBe(true);
    });

    it('more than that in pieces of no announced length is refused once, however much of it still comes', async () => {
      const { port } = webhook.admission;
      const agent = new Agent({ ca: webhook.authority.certificate });
      const headers = { 'content-type': 'application/json' };
      const options = { host: '127.0.0.1', port, servername: 'localhost', path: '/mutate/pods', agent, headers };
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const outgoing = request({ ...options, method: 'POST' }, (response) => {
          resolve(response.statusCode);
          outgoing.destroy();
        });
        outgoing.once('error', reject);
        const piece = Buffer.alloc(64 * 1024, ' ');
        for (let left = 100; left > 0; left -= 1) outgoing.write(piece);
      });
      expect(status).toBe(413);
      agent.destroy();
      expect((await webhook.post('/mutate/pods', podReview(aPod()))).json?.response.allowed).toBe(true);
    });

    it('an unknown path is refused', async () => {
      expect((await webhook.post('/mutate/everything', podReview(aPod()))).status).toBe(404);
    });
  });
});
