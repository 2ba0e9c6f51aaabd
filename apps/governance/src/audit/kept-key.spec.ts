import { describe, expect, it } from '@jest/globals';
import { signerFromPem } from '@scc/audit';
import { KubeError, type KubeObject } from '@scc/kube';
import { keyInSecret } from './kept-key.js';

const SECRET = { namespace: 'scc-system', name: 'scc-audit-key' };

/** A Secret as the API server keeps it: a write that rests on an older version is a conflict. */
function server(data?: Record<string, string>) {
  const metadata = { ...SECRET, labels: { 'app.kubernetes.io/instance': 'scc' } };
  let kept: KubeObject | undefined = { apiVersion: 'v1', kind: 'Secret', metadata, ...(data ? { data } : {}) };
  let version = 1;
  let writes = 0;
  return {
    get: () => Promise.resolve(kept && { ...kept, metadata: { ...kept.metadata, resourceVersion: String(version) } }),
    replace: (object: KubeObject) => {
      if (object.metadata.resourceVersion !== String(version))
        return Promise.reject(new KubeError(409, { message: 'changed', reason: 'Conflict' }));
      version += 1;
      writes += 1;
      kept = object;
      return Promise.resolve(object);
    },
    remove: () => (kept = undefined),
    get kept() {
      return kept;
    },
    get writes() {
      return writes;
    },
  };
}

describe('the audit key in a Secret', () => {
  it('is made once, however many replicas start', async () => {
    const api = server();
    const keys = await Promise.all(Array.from({ length: 5 }, () => keyInSecret(api, SECRET)));
    expect(new Set(keys).size).toBe(1);
    expect(api.writes).toBe(1);
    expect(signerFromPem('scc.poc/test', keys[0] ?? '').vkey).toContain('scc.poc/test');
    expect(api.kept).toMatchObject({ metadata: { labels: { 'app.kubernetes.io/instance': 'scc' } } });
  });

  it('is never made where there is one', async () => {
    const api = server({ 'audit.key': Buffer.from('kept').toString('base64'), other: 'eA==' });
    expect(await keyInSecret(api, SECRET)).toBe('kept');
    expect(api.writes).toBe(0);
  });

  it('is missing with the Secret, and says so', async () => {
    const api = server();
    api.remove();
    await expect(keyInSecret(api, SECRET)).rejects.toThrow('there is no Secret scc-system/scc-audit-key');
  });
});
