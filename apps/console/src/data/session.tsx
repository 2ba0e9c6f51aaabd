import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { ask, type ApiProblem, onSignedOut, rememberCsrfToken } from './api.js';
import type { KnownUser } from './types.js';
import { problemOf } from './use-load.js';

interface SessionAnswer {
  name: string;
  csrfToken: string | null;
  expiresAt: string | null;
  temporalUi: string | null;
}

type State =
  | { state: 'asking' }
  | { state: 'unreachable'; problem: ApiProblem }
  /** `ended`: there was a session until now. */
  | { state: 'out'; ended: boolean }
  | { state: 'in'; me: KnownUser };

interface Session {
  now: State;
  signIn: (token: string) => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
}

const SessionContext = createContext<Session | null>(null);

async function meOf(session: SessionAnswer): Promise<State> {
  rememberCsrfToken(session.csrfToken);
  const me = await ask<Omit<KnownUser, 'temporalUi'>>('/v1/me');
  return { state: 'in', me: { ...me, temporalUi: session.temporalUi } };
}

const resume = async (): Promise<State> => {
  try {
    return await meOf(await ask<SessionAnswer>('/v1/session'));
  } catch (error) {
    const problem = problemOf(error);
    return problem.status === 401 ? { state: 'out', ended: false } : { state: 'unreachable', problem };
  }
};

export function SessionProvider({ children }: { children: ReactNode }) {
  const [now, setNow] = useState<State>({ state: 'asking' });
  const retry = (): void => void resume().then(setNow);
  useEffect(retry, []);
  useEffect(
    () => onSignedOut(() => setNow((before) => (before.state === 'in' ? { state: 'out', ended: true } : before))),
    [],
  );
  const session = useMemo<Session>(
    () => ({
      now,
      retry,
      signIn: async (token) => {
        const headers = { authorization: `Bearer ${token}` };
        setNow(await meOf(await ask<SessionAnswer>('/v1/session', { method: 'POST', headers })));
      },
      signOut: async () => {
        await ask('/v1/session', { method: 'DELETE' });
        rememberCsrfToken(null);
        setNow({ state: 'out', ended: false });
      },
    }),
    [now],
  );
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('no session is provided');
  return session;
}

/** The user of pages that only a known user sees. */
export function useMe(): KnownUser {
  const { now } = useSession();
  if (now.state !== 'in') throw new Error('this page is for known users');
  return now.me;
}
