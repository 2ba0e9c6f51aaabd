import type { Problem } from '@scc/governance-api';

/** A request that the API refused, in its own words. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  constructor(
    readonly status: number,
    readonly problem: Pick<Problem, 'title' | 'detail' | 'errors'>,
    readonly etag: string | null = null,
  ) {
    super(problem.detail ?? problem.title);
  }
}

/** Proves to the API that a request comes from these pages; kept in memory alone. */
let csrfToken: string | null = null;
export const rememberCsrfToken = (token: string | null): void => {
  csrfToken = token;
};

const listeners = new Set<() => void>();
/** Tells when the API no longer knows the session. @returns ends the telling */
export function onSignedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  body?: unknown;
  headers?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal;
}

/** @throws ApiProblem when the API refuses, and when it cannot be reached (status 0) */
export async function ask<Answer>(path: string, options: Ask = {}): Promise<Answer> {
  return (await askWithTag<Answer>(path, options)).answer;
}

/** The same with the version of the answer, which a later change has to name. @throws ApiProblem as `ask` */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the API's schema says what a path answers
export async function askWithTag<Answer>(
  path: string,
  options: Ask = {},
): Promise<{ answer: Answer; etag: string | null }> {
  const response = await send(path, options);
  const text = await response.text();
  const body: unknown = text === '' ? null : parsed(text);
  if (!response.ok) {
    if (response.status === 401 && path !== '/v1/session') for (const listener of listeners) listener();
    throw new ApiProblem(response.status, problemIn(body, response.status));
  }
  return { answer: body as Answer, etag: response.headers.get('etag') };
}

async function send(path: string, { method = 'GET', body, headers = {}, query = {}, signal }: Ask): Promise<Response> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  try {
    return await fetch(search === '' ? path : `${path}?${search}`, {
      method,
      credentials: 'same-origin',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...proofFor(method),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem(0, {
      title: 'Governance cannot be reached',
      detail: 'check your network and that governance runs; this page tries again by itself',
      errors: [],
    });
  }
}

const proofFor = (method: string): Record<string, string> =>
  method !== 'GET' && csrfToken !== null ? { 'x-csrf-token': csrfToken } : {};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemIn(body: unknown, status: number): ApiProblem['problem'] {
  if (typeof body === 'object' && body !== null && 'title' in body) return body as ApiProblem['problem'];
  return { title: `The answer was ${status}`, errors: [] };
}
