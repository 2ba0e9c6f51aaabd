import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAuthority, type Authority } from '@scc/testing/authority';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { startTlsFrontend, type TlsFrontend } from '@scc/testing/tls-frontend';
import { z } from 'zod';
import { loadConfig } from './config.js';
import { TemporalLink, temporalConfig } from './temporal.js';

let temporal: TemporalServer;
let frontend: TlsFrontend;
let folder: string;
let ours: Authority;
const NAME = 'temporal.scc-system.svc';
const file = (name: string): string => path.join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-temporal-tls-'));
  temporal = await startTemporal();
  ours = await createAuthority('ours');
  const other = await createAuthority('other');
  frontend = await startTlsFrontend(temporal.address, ours, NAME);
  for (const [name, authority] of [
    ['ours', ours],
    ['other', other],
  ] as const) {
    const { certificate, key } = await authority.issue('worker', { dns: [], ip: [], usage: 'client' });
    await writeFile(file(`${name}.ca`), authority.certificate);
    await writeFile(file(`${name}.crt`), certificate);
    await writeFile(file(`${name}.key`), key);
  }
}, 60_000);
afterAll(async () => {
  await frontend.stop();
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

const links: TemporalLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
});
function link(env: Record<string, string>, now?: () => number): TemporalLink {
  const made = new TemporalLink(loadConfig(z.object(temporalConfig), env), now ? { now } : {});
  links.push(made);
  return made;
}

const good = (): Record<string, string> => ({
  TEMPORAL_ADDRESS: frontend.address,
  TEMPORAL_TLS_CA_FILE: file('ours.ca'),
  TEMPORAL_TLS_CERT_FILE: file('ours.crt'),
  TEMPORAL_TLS_KEY_FILE: file('ours.key'),
  TEMPORAL_TLS_SERVER_NAME: NAME,
});

describe('the way to Temporal', () => {
  it('leads through TLS with a certificate of its own, and by another name than the address', async () => {
    const reached = link(good());
    await reached.check();
    const client = await reached.client();
    await expect(client.workflow.count()).resolves.toMatchObject({ count: 0 });
  });

  it('leads without TLS where nothing of TLS is said', async () => {
    await expect(link({ TEMPORAL_ADDRESS: temporal.address }).check()).resolves.toBeUndefined();
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no TLS', { TEMPORAL_TLS: 'false' }, /speaks TLS.*TEMPORAL_TLS_CA_FILE|closed the connection/],
    [
      'no client certificate',
      { TEMPORAL_TLS_CERT_FILE: '', TEMPORAL_TLS_KEY_FILE: '' },
      /wants a client certificate.*TEMPORAL_TLS_CERT_FILE/,
    ],
    [
      'a certificate of another authority',
      { TEMPORAL_TLS_CERT_FILE: 'other.crt', TEMPORAL_TLS_KEY_FILE: 'other.key' },
      /refuses the client certificate of TEMPORAL_TLS_CERT_FILE/,
    ],
    ['another authority', { TEMPORAL_TLS_CA_FILE: 'other.ca' }, /not trusted.*TEMPORAL_TLS_CA_FILE/],
    [
      'another name',
      { TEMPORAL_TLS_SERVER_NAME: 'elsewhere' },
      /certificate of another name.*TEMPORAL_TLS_SERVER_NAME/,
    ],
    ['a file that is not there', { TEMPORAL_TLS_CA_FILE: 'none.ca' }, /none\.ca cannot be read/],
    ['no server at the address', { TEMPORAL_ADDRESS: '127.0.0.1:1' }, /does not answer.*TEMPORAL_ADDRESS/],
    ['a namespace that is not there', { TEMPORAL_NAMESPACE: 'none' }, /no namespace none.*TEMPORAL_NAMESPACE/],
  ])('says which variable helps with %s', async (_case, wrong, expected) => {
    const files = Object.entries(wrong).map(([name, value]) => [name, /^\w+\.\w+$/.test(value) ? file(value) : value]);
    const env = { ...good(), ...(Object.fromEntries(files) as Record<string, string>) };
    const plain = env['TEMPORAL_TLS'] === 'false' ? { TEMPORAL_ADDRESS: frontend.address, TEMPORAL_TLS: 'false' } : env;
    await expect(link(plain).check()).rejects.toThrow(expected);
  });

  it('says that a frontend without TLS speaks none', async () => {
    await expect(link({ ...good(), TEMPORAL_ADDRESS: temporal.address }).check()).rejects.toThrow(/does not speak TLS/);
  });

  it('gives up on an address that takes connections and says nothing', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await expect(link({ TEMPORAL_ADDRESS: address }).check(200)).rejects.toThrow('does not answer within 200 ms');
    silent.close();
  });

  it('refuses a certificate without its key', () => {
    expect(() => link({ ...good(), TEMPORAL_TLS_KEY_FILE: '' })).toThrow(/^TEMPORAL_TLS_KEY_FILE: it is not set/);
    expect(() => link({ ...good(), TEMPORAL_TLS: 'false' })).toThrow(/^TEMPORAL_TLS: it is false/);
  });

  it('takes up certificates that were exchanged in their files', async () => {
    const now = { TEMPORAL_TLS_CERT_FILE: file('now.crt'), TEMPORAL_TLS_KEY_FILE: file('now.key') };
    const give = async (name: 'ours' | 'other'): Promise<void> => {
      await copyFile(file(`${name}.crt`), now.TEMPORAL_TLS_CERT_FILE);
      await copyFile(file(`${name}.key`), now.TEMPORAL_TLS_KEY_FILE);
    };
    let clockMs = 0;
    await give('other');
    const reached = link({ ...good(), ...now }, () => clockMs);
    await expect(reached.check()).rejects.toThrow(/refuses the client certificate/);
    await give('ours');
    clockMs += 60_000;
    await expect(reached.check()).resolves.toBeUndefined();
    await expect((await reached.client()).workflow.count()).resolves.toMatchObject({ count: 0 });
  });
});
