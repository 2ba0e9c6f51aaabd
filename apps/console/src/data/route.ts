import { useSyncExternalStore } from 'react';

export interface PageAddress {
  /** The parts of the address behind #, decoded. */
  parts: string[];
  query: URLSearchParams;
}

/** Reads the address behind `#`. */
export function routeOf(hash: string): PageAddress {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const parts = path.split('/').filter(Boolean).map(decoded);
  return { parts, query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a page. */
export function hrefOf(parts: readonly string[], query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).flatMap(([key, value]): [string, string][] =>
    value === undefined || value === '' ? [] : [[key, value]],
  );
  const search = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

const subscribe = (changed: () => void): (() => void) => {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
};

export const useRoute = (): PageAddress => routeOf(useSyncExternalStore(subscribe, () => window.location.hash));
export const goTo = (href: string): void => {
  window.location.hash = href;
};
