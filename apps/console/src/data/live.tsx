import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';

/** Something that governance recorded; the pages that show it load it again. */
export interface Change {
  action: string;
  kind: string;
  namespace: string | null;
  name: string | null;
}

interface Live {
  isLive: boolean;
  listen: (listener: (change: Change | null) => void) => () => void;
}

const LiveContext = createContext<Live | null>(null);

/**
 * Follows what governance records. The browser connects again by itself and says what it saw last, so that nothing in
 * between is missed; `reset` tells to load again, since what was missed is not sent one by one.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [isLive, setLive] = useState(false);
  const listeners = useRef(new Set<(change: Change | null) => void>());
  useEffect(() => {
    const source = new EventSource('/v1/stream');
    const tell = (change: Change | null): void => listeners.current.forEach((listener) => listener(change));
    source.onopen = () => setLive(true);
    source.onerror = () => setLive(false);
    source.addEventListener('change', ({ data }: MessageEvent<string>) => tell(JSON.parse(data) as Change));
    source.addEventListener('reset', () => tell(null));
    return () => source.close();
  }, []);
  const listen = useCallback<Live['listen']>((listener) => {
    listeners.current.add(listener);
    return () => listeners.current.delete(listener);
  }, []);
  const live = useMemo<Live>(() => ({ isLive, listen }), [isLive, listen]);
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

const GATHER_MS = 300;
const WITHOUT_STREAM_MS = 10_000;

/** Whether what governance records arrives by itself. */
export const useIsLive = (): boolean => useContext(LiveContext)?.isLive ?? false;

/**
 * Loads again when something that matters was recorded; several changes at once load once. While the stream is away it
 * loads again every 10 s.
 */
export function useReloadOn(reload: () => void, matters: (change: Change) => boolean): void {
  const live = useContext(LiveContext);
  const listen = live?.listen;
  const isAway = live?.isLive === false;
  const isMatter = useRef(matters);
  isMatter.current = matters;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen?.((change) => {
      if (change !== null && !isMatter.current(change)) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, GATHER_MS);
    });
    return () => {
      clearTimeout(timer);
      stop?.();
    };
  }, [listen, reload]);
  useEffect(() => {
    if (!isAway) return undefined;
    const polling = setInterval(reload, WITHOUT_STREAM_MS);
    return () => clearInterval(polling);
  }, [isAway, reload]);
}
