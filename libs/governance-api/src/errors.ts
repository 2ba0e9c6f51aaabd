import { type HttpAnswer, jsonOf } from '@scc/runtime';
import { z } from 'zod';

/** One thing that is wrong with a request, and where: `pointer` into the body (RFC 6901), `field` as people read it. */
const problemIssueSchema = z.object({
  field: z.string(),
  pointer: z.string().optional().describe('JSON pointer into the request body, when the field is part of it.'),
  message: z.string(),
});

/** RFC 9457 problem details, as every error of the API has them. */
export const problemSchema = z.object({
  type: z.string().describe('A stable URI of the kind of problem.'),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  instance: z.string().optional().describe('The path that was asked.'),
  requestId: z.string().optional(),
  errors: z.array(problemIssueSchema).default([]),
});
export type Problem = z.infer<typeof problemSchema>;

const PROBLEM_BASE = 'https://scc.poc/problems/';
/** The stable URI of a kind of problem. */
export const problemType = (kind: string): string => `${PROBLEM_BASE}${kind}`;

/** Governance answered, and said no. */
export class GovernanceError extends Error {
  override readonly name = 'GovernanceError';
  readonly status: number;
  readonly type: string;
  readonly errors: Problem['errors'];
  readonly requestId: string | null;
  /** How long governance asks to wait before the next try, in milliseconds; null when it does not say. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, retryAfterMs: number | null = null) {
    const fields = problem.errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    super([problem.title, problem.detail, fields].filter(Boolean).join(' - '));
    this.status = problem.status;
    this.type = problem.type;
    this.errors = problem.errors;
    this.requestId = problem.requestId ?? null;
    this.retryAfterMs = retryAfterMs;
  }
}

/** No answer came, after every retry: whether the request had an effect is unknown. The cause says what went wrong. */
export class GovernanceUnreachable extends Error {
  override readonly name = 'GovernanceUnreachable';
}

/** The payload is not as both sides agreed: a mistake in one of them, or versions that do not fit. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/** The meaning of an answer that is an error, of governance or of a proxy on the way. */
export function governanceErrorOf({ status, headers, text }: HttpAnswer): GovernanceError {
  const seconds = Number(headers['retry-after']);
  const retryAfterMs = Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
  const problem = problemSchema.safeParse(jsonOf(text));
  if (problem.success) return new GovernanceError(problem.data, retryAfterMs);
  const foreign = { type: 'about:blank', title: `HTTP ${status}`, status, detail: text.slice(0, 200), errors: [] };
  return new GovernanceError(foreign, retryAfterMs);
}
