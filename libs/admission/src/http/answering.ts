import { jsonOf, within, type Logger } from '@scc/runtime';
import type { PodHint, WriteHint } from '../review/pod-hint.js';
import type { Budget } from '../review/budget.js';
import { type Answer, denied, type HintedAnswer, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { Hook } from '../hooks/hook.js';
import type { ClusterCache } from '../cache/cluster.js';
import type { AdmissionMetrics, ReviewVerdict } from './metrics.js';
import { nestsDeeperThan } from './nesting.js';
import { parseReview, reviewOf, type ReviewRequest } from '../review/review.js';

/** Deeper than any object that the API server stores; shallow enough for all code that walks through it. */
const MAX_DEPTH = 100;

/** An HTTP answer, and what to do once it is sent. */
export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly hint?: PodHint | undefined;
  readonly wrote?: WriteHint | undefined;
  /** Counts the answer. */
  readonly afterwards?: () => void;
}

interface Deps {
  readonly hooks: readonly Hook[];
  readonly cache: ClusterCache;
  readonly budgetMs: number;
  readonly metrics: AdmissionMetrics;
  readonly logger: Logger;
}

const undecidedAnswer = ({ whenUndecided }: Hook, why: string): HintedAnswer =>
  whenUndecided === 'allow'
    ? { allowed: true, warnings: [`SCC admission could not decide in time: ${why}`] }
    : denied(`SCC admission cannot decide now, try again: ${why}`, { code: 503, reason: 'ServiceUnavailable' });

function verdictOf({ allowed, patch, code }: Answer): ReviewVerdict {
  if (code === 400) return 'not-understood';
  if (code === 500) return 'failed';
  if (!allowed) return 'denied';
  return patch?.length ? 'mutated' : 'allowed';
}

const budgetFrom = (started: number, ms: number): Budget => ({ left: () => started + ms - performance.now() });

/** The API server says in `?timeout=3s` for how long it waits; the answer must leave well before. */
const TIMEOUT = /[?&]timeout=(\d+)(m?s)\b/;
const HEADROOM = 0.7;

function patienceOf(url: string, budgetMs: number): number {
  const [, amount, unit] = TIMEOUT.exec(url) ?? [];
  if (amount === undefined) return budgetMs;
  return Math.min(budgetMs, Number(amount) * (unit === 's' ? 1000 : 1) * HEADROOM);
}

/** Answers reviews: reads them, asks the hook of the path, and never lets an answer take longer than the budget. */
export function createAnswering({ hooks, cache, budgetMs, metrics, logger }: Deps) {
  const byPath = new Map(hooks.map((hook) => [hook.path, hook]));

  const inTime = async (decided: Promise<ReviewOutcome>, budget: Budget): Promise<ReviewOutcome> => {
    let outcome: ReviewOutcome | undefined;
    await within(
      decided.then((value) => (outcome = value)),
      budget.left(),
    );
    return outcome ?? { undecided: 'it took too long' };
  };

  const ask = (hook: Hook, request: ReviewRequest, budget: Budget): ReviewOutcome | Promise<ReviewOutcome> => {
    const missing = cache.missing();
    if (missing !== null) return { undecided: missing };
    const decided = hook.decide(request, budget);
    return decided instanceof Promise ? inTime(decided, budget) : decided;
  };

  const failed = (hook: Hook, request: ReviewRequest, error: unknown): ReviewOutcome => {
    logger.error({ err: error, path: hook.path, uid: request.uid }, 'review not decided');
    return denied('SCC admission failed on this object', { code: 500, reason: 'InternalError' });
  };

  /** At once where that can be: a promise and its timer cost as much as a decision. */
  const answer = (hook: Hook, request: ReviewRequest, budget: Budget): ReviewOutcome | Promise<ReviewOutcome> => {
    try {
      const asked =
        cache.missing() === null
          ? ask(hook, request, budget)
          : within(cache.complete, budget.left()).then(() => ask(hook, request, budget));
      return asked instanceof Promise ? asked.catch((error: unknown) => failed(hook, request, error)) : asked;
    } catch (error) {
      return failed(hook, request, error);
    }
  };

  /** The answer to what came of a review, where "undecided" means what the hook says. */
  const replyWith = (
    hook: Hook,
    outcome: ReviewOutcome,
    { uid, operation, started, patienceMs }: { uid: string; operation: string; started: number; patienceMs: number },
  ): Reply => {
    const seconds = (performance.now() - started) / 1000;
    const isUndecided = 'undecided' in outcome;
    const final = isUndecided ? undecidedAnswer(hook, outcome.undecided) : outcome;
    return {
      status: 200,
      body: reviewOf(uid, final),
      hint: final.hint,
      wrote: final.wrote,
      afterwards: () => {
        if (isUndecided || seconds * 1000 > patienceMs) metrics.overBudget(hook.path);
        const verdict = isUndecided ? 'undecided' : verdictOf(final);
        metrics.answered(hook.path, { operation, verdict, seconds });
        if (final.audit?.['drift'] !== undefined) metrics.drifted();
      },
    };
  };

  return {
    reply(url: string, body: Buffer, started: number): Reply | Promise<Reply> {
      const hook = byPath.get(url.split('?', 1)[0] ?? '');
      if (!hook) return { status: 404, body: 'no such webhook\n' };
      if (nestsDeeperThan(body, MAX_DEPTH)) return { status: 400, body: 'the review nests too deeply\n' };
      const review = parseReview(jsonOf(body.toString('utf8')));
      if (review.is === 'refused') return { status: 400, body: `${review.why}\n` };
      const patienceMs = patienceOf(url, hook.budgetMs ?? budgetMs);
      if (review.is === 'denied') {
        const about = { uid: review.uid, operation: 'unknown', started, patienceMs };
        return replyWith(hook, notUnderstood(review.why), about);
      }
      const { request } = review;
      const about = { uid: request.uid, operation: request.operation, started, patienceMs };
      const outcome = answer(hook, request, budgetFrom(started, patienceMs));
      return outcome instanceof Promise
        ? outcome.then((value) => replyWith(hook, value, about))
        : replyWith(hook, outcome, about);
    },
  };
}
export type Answering = ReturnType<typeof createAnswering>;
