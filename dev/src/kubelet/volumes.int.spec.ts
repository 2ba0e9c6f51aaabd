import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { aPod, referencesIn } from './pod.fixture.js';
import { Volumes, type RequestToken } from './volumes.js';

const MINUTE = 60_000;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-volumes-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Tokens that live as long as they are asked to, by a clock that the test moves. */
function issuer() {
  const clock = { now: 0 };
  const asked: (string | undefined)[] = [];
  const token: RequestToken = ({ audience, expirationSeconds }) => {
    asked.push(audience);
    return Promise.resolve({ token: `token-${asked.length}`, expiresAt: clock.now + expirationSeconds * 1000 });
  };
  return { clock, asked, token };
}

function volumesOf(volumes: object[], store: Parameters<typeof referencesIn>[0] = {}) {
  const { clock, asked, token } = issuer();
  const { pod } = aPod({ volumes });
  const place = { ip: '10.244.1.2', hostIp: '10.244.1.1' };
  const made = new Volumes(folder, { pod, place, references: referencesIn(store), token, now: () => clock.now });
  const read = (...names: string[]): Promise<string> => readFile(path.join(folder, ...names), 'utf8');
  return { volumes: made, clock, asked, read };
}

describe('the volumes of a pod', () => {
  it('are written to by nobody once they are closed, which waits for what is being written', async () => {
    const { pod } = aPod({
      volumes: [
        { name: 'token', projected: { defaultMode: 0o444, sources: [{ serviceAccountToken: { path: 'token' } }] } },
        { name: 'scratch', emptyDir: {} },
      ],
    });
    const issued = Promise.withResolvers<Awaited<ReturnType<RequestToken>>>();
    const place = { ip: '10.244.1.2', hostIp: '10.244.1.1' };
    const asked = Promise.withResolvers<undefined>();
    const token: RequestToken = () => {
      asked.resolve(undefined);
      return issued.promise;
    };
    const volumes = new Volumes(folder, { pod, place, references: referencesIn({}), token });
    const prepared = volumes.prepare(null);
    await asked.promise;
    const closed = volumes.close();
    issued.resolve({ token: 'late', expiresAt: Date.now() });
    await closed;
    expect(await readdir(folder)).toEqual(['token']);
    await rm(path.join(folder, 'token'), { recursive: true });
    await Promise.all([prepared, volumes.prepare(null), volumes.refresh()]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('hold a token of the asked audience, the authority and the namespace, as in a cluster', async () => {
    const { volumes, asked, read } = volumesOf(
      [
        {
          name: 'kubernetes',
          projected: {
            defaultMode: 0o444,
            sources: [
              { serviceAccountToken: { path: 'token', audience: 'scc-governance', expirationSeconds: 3600 } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
            ],
          },
        },
      ],
      { configMaps: { 'kube-root-ca.crt': { 'ca.crt': 'PEM' } } },
    );
    await volumes.prepare(null);
    expect(asked).toEqual(['scc-governance']);
    expect(await Promise.all(['token', 'ca.crt', 'namespace'].map((name) => read('kubernetes', name)))).toEqual([
      ...['token-1', 'PEM', 'shop'],
    ]);
    expect((await stat(path.join(folder, 'kubernetes', 'token'))).mode & 0o777).toBe(0o444);
  });

  it('renew a token when four fifths of its life are over, and not before', async () => {
    const source = { serviceAccountToken: { path: 'token', expirationSeconds: 600 } };
    const { volumes, clock, asked, read } = volumesOf([{ name: 'token', projected: { sources: [source] } }]);
    await volumes.prepare(null);
    clock.now = 8 * MINUTE - 1;
    await volumes.refresh();
    expect(await read('token', 'token')).toBe('token-1');
    expect(volumes.nextRefreshMs()).toBe(1);
    clock.now = 8 * MINUTE;
    await volumes.refresh();
    expect(await read('token', 'token')).toBe('token-2');
    expect(asked).toHaveLength(2);
  });

  it('follow a Secret that changes, and forget keys that go', async () => {
    const store = { secrets: { tls: { 'ca.crt': 'old', 'tls.key': 'key' } as Record<string, string> } };
    const { volumes, read } = volumesOf([{ name: 'tls', secret: { secretName: 'tls' } }], store);
    await volumes.prepare(null);
    store.secrets.tls = { 'ca.crt': 'new' };
    await volumes.refresh();
    expect(await readdir(path.join(folder, 'tls'))).toEqual(['ca.crt']);
    expect(await read('tls', 'ca.crt')).toBe('new');
  });

  it('wait for a key that is not there yet', async () => {
    const store = { secrets: { tls: {} as Record<string, string> } };
    const secret = { secretName: 'tls', items: [{ key: 'ca.crt', path: 'ca.crt' }] };
    const { volumes, read } = volumesOf([{ name: 'ca', secret }], store);
    await expect(volumes.prepare(null)).rejects.toThrow('references non-existent secret key: ca.crt of tls');
    store.secrets.tls = { 'ca.crt': 'PEM' };
    await volumes.prepare(null);
    expect(await read('ca', 'ca.crt')).toBe('PEM');
  });

  it('refuse kinds that no node of the stack has', async () => {
    const { volumes } = volumesOf([{ name: 'data', hostPath: { path: '/' } }]);
    await expect(volumes.prepare(null)).rejects.toThrow('volume data: its kind is not known');
  });
});
