import { createLogger } from '@scc/runtime';
import { hooksOf } from '../service/admission.js';
import { standardObjects, type KubeLike, TestCluster } from '../testing/cluster.fixture.js';
import type { Answer, ReviewOutcome } from '../review/outcome.js';
import { parseReview } from '../review/review.js';
import { cacheCluster } from '../cache/cluster.js';
import type { AdmissionConfig } from '../service/settings.js';
import type { Hook } from './hook.js';

interface Options {
  readonly objects?: readonly KubeLike[];
  readonly config?: Partial<Pick<AdmissionConfig, 'mode' | 'workloads' | 'checkExec' | 'guarded'>>;
  /** Answers SubjectAccessReviews; says no when absent. */
  readonly mayChange?: () => Promise<boolean>;
}

/** Every webhook over a cluster in cache, asked without HTTP. */
export async function testHooks({ objects = [], config = {}, mayChange }: Options = {}) {
  const cluster = new TestCluster([...standardObjects(), ...objects]);
  const full = {
    mode: 'kubernetes',
    workloads: 'warn',
    checkExec: true,
    guarded: new Map(),
    engine: 'system:serviceaccount:scc-system:worker',
    ...config,
  } as const;
  const cache = cacheCluster({
    makeInformer: cluster.makeInformer,
    mode: full.mode,
    keepPods: true,
    logger: createLogger('hooks-test', 'silent'),
    onNamespace: () => undefined,
  });
  await cache.complete;
  const client = { subjectAccessReview: mayChange ?? (() => Promise.resolve(false)) };
  const hooks = new Map<string, Hook>(hooksOf({ cache, config: full }, client).map((hook) => [hook.path, hook]));
  const outcome = async (path: string, review: unknown, budgetMs = 1000): Promise<ReviewOutcome> => {
    const parsed = parseReview(review);
    const hook = hooks.get(path);
    if (parsed.is !== 'read' || !hook) throw new Error(`${path} cannot be asked`);
    const until = performance.now() + budgetMs;
    return hook.decide(parsed.request, { left: () => until - performance.now() });
  };
  return {
    cluster,
    outcome,
    /** @throws Error when the hook did not decide */
    ask: async (path: string, review: unknown): Promise<Answer> => {
      const decided = await outcome(path, review);
      if ('undecided' in decided) throw new Error(decided.undecided);
      // A note about the write is not part of the answer.
      const { wrote: _wrote, ...answer } = decided;
      return answer;
    },
  };
}
