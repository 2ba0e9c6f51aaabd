import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiProblem } from './api.js';

export type Loaded<Value> =
  | { state: 'loading' }
  | { state: 'failed'; problem: ApiProblem }
  /** A later try may have failed meanwhile: `stale` says why, and the value is what was known last. */
  | { state: 'there'; value: Value; stale: ApiProblem | null };

/** A load that is under way, and whether another one was asked for since it began. */
interface Course {
  since: number | null;
  isAskedAgain: boolean;
}

const AGAIN_MS = 10_000;
/** A load that takes longer is given up for the next one. */
const PATIENCE_MS = 10_000;

/**
 * Loads, and loads again when the dependencies change and when `reload` is called. What is there stays on the page
 * meanwhile. A load that is under way ends first, however often it is asked for: a server that is slow is not asked for
 * more, and a page whose data changes all the time shows it.
 */
export function useLoad<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  dependencies: readonly unknown[],
): Loaded<Value> & { reload: () => void } {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ state: 'loading' });
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(dependencies);
  const shown = useRef(key);
  const course = useRef<Course>({ since: null, isAskedAgain: false });
  useEffect(() => {
    const stopping = new AbortController();
    course.current = { since: performance.now(), isAskedAgain: false };
    if (shown.current !== key) setLoaded({ state: 'loading' });
    shown.current = key;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => setTurn((n) => n + 1);
    const end = (): void => {
      const { isAskedAgain } = course.current;
      course.current = { since: null, isAskedAgain: false };
      if (isAskedAgain) again();
    };
    load(stopping.signal).then(
      (value) => {
        if (stopping.signal.aborted) return;
        setLoaded({ state: 'there', value, stale: null });
        end();
      },
      (error: unknown) => {
        if (stopping.signal.aborted) return;
        const problem = problemOf(error);
        setLoaded((before) =>
          before.state === 'there' ? { ...before, stale: problem } : { state: 'failed', problem },
        );
        if (problem.status === 0 || problem.status >= 429) timer = setTimeout(again, AGAIN_MS);
        end();
      },
    );
    return () => {
      stopping.abort();
      clearTimeout(timer);
    };
    // `load` is a new function at each rendering; the dependencies say when it differs.
  }, [key, turn]);
  const reload = useCallback(() => {
    const { since } = course.current;
    if (since === null || performance.now() - since > PATIENCE_MS) setTurn((n) => n + 1);
    else course.current.isAskedAgain = true;
  }, []);
  return { ...loaded, reload };
}

/** Loads again every so many milliseconds, as long as it is needed: for what the stream does not tell of. */
export function useReloadWhile(isNeeded: boolean, reload: () => void, everyMs: number): void {
  useEffect(() => {
    if (!isNeeded) return undefined;
    const asking = setInterval(reload, everyMs);
    return () => clearInterval(asking);
  }, [isNeeded, reload, everyMs]);
}

export const problemOf = (error: unknown): ApiProblem =>
  error instanceof ApiProblem
    ? error
    : new ApiProblem(-1, { title: 'This page failed', detail: String(error), errors: [] });
