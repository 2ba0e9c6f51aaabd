import { issueLeaf, type Issued, makeAuthority } from '@scc/tls';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface Authority {
  /** PEM */
  certificate: string;
  /** Issues a certificate for DNS names and IP addresses; of a server unless it is of a client. */
  issue: (subject: string, names: { dns: string[]; ip: string[]; usage?: 'server' | 'client' }) => Promise<Issued>;
}

/** A certificate authority that lives as long as one test or one local stack. */
export async function createAuthority(name: string): Promise<Authority> {
  const life = () => ({ now: new Date(), lifeMs: 30 * DAY_MS });
  const authority = await makeAuthority(name, life());
  return {
    certificate: authority.certificate,
    issue: (subject, { dns, ip, usage = 'server' }) =>
      issueLeaf(authority, { ...life(), subject, names: [...dns, ...ip], usage }),
  };
}
