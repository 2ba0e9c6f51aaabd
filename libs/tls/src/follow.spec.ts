import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '@scc/kube';
import { createLogger } from '@scc/runtime';
import { createAuthority } from '@scc/testing/authority';
import type { KeyPair } from './chain.js';
import { followFiles } from './files.js';
import type { CertificateSource, FollowOptions } from './follow.js';
import { followSecret } from './secret.js';

const authority = await createAuthority('ours');
const aPair = async (): Promise<KeyPair> => ({
  ...(await authority.issue('governance', { dns: ['localhost'], ip: [] })),
  authorities: authority.certificate,
});
const filesOf = ({ certificate, key, authorities }: KeyPair) => ({
  'tls.crt': certificate,
  'tls.key': key,
  'ca.crt': authorities,
});

/** Somewhere that pairs are kept. */
interface Place {
  put: (pair: KeyPair) => Promise<void>;
  follow: (options: FollowOptions) => Promise<CertificateSource>;
  close: () => Promise<void>;
}

async function aFolder(): Promise<Place> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-tls-'));
  return {
    put: async (pair) => {
      for (const [file, text] of Object.entries(filesOf(pair))) await writeFile(path.join(folder, file), text);
    },
    follow: (options) => followFiles({ ...options, folder }),
    close: () => rm(folder, { recursive: true }),
  };
}

function aSecret(): Promise<Place> {
  let kept: KubeObject | undefined;
  return Promise.resolve({
    put: (pair) => {
      const texts = Object.entries(filesOf(pair));
      const data = Object.fromEntries(texts.map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
      kept = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'scc-system', name: 'tls' }, data };
      return Promise.resolve();
    },
    follow: (options) =>
      followSecret({
        ...options,
        client: { get: () => Promise.resolve(kept) },
        secret: { namespace: 'scc-system', name: 'tls' },
      }),
    close: () => Promise.resolve(),
  });
}

describe.each([
  ['a folder', aFolder],
  ['a Secret', aSecret],
])('a certificate in %s', (_name, makePlace) => {
  const following = async (work: (place: Place) => Promise<void>): Promise<void> => {
    const place = await makePlace();
    await work(place).finally(place.close);
  };
  const logger = createLogger('tls', 'silent');

  it('is refused at the start when there is none', () =>
    following((place) =>
      expect(place.follow({ logger, onChange: () => undefined })).rejects.toThrow(/no such file|there is no Secret/),
    ));

  it('is exchanged without a restart, and never by one that does not fit', () =>
    following(async (place) => {
      const [first, second, other] = [await aPair(), await aPair(), await aPair()];
      await place.put(first);
      const changed = Promise.withResolvers<KeyPair>();
      const failed = Promise.withResolvers<undefined>();
      const source = await place.follow({
        ...{ logger, pollMs: 500, onChange: changed.resolve },
        onFailure: () => failed.resolve(undefined),
      });
      expect(source.current).toEqual(first);
      await place.put({ ...second, key: other.key });
      await failed.promise;
      expect(source.current).toEqual(first);
      await place.put(second);
      expect(await changed.promise).toEqual(second);
      expect(source.current).toEqual(second);
      await source.stop();
    }));
});
