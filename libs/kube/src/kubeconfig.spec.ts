import { stringify } from 'yaml';
import { parseKubeconfig } from './kubeconfig.js';

const kubeconfig = (user: object, cluster: object = {}): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [
      { name: 'elsewhere', context: { cluster: 'other', user: 'other' } },
      { name: 'here', context: { cluster: 'this', user: 'me', namespace: 'shop' } },
    ],
    clusters: [
      { name: 'other', cluster: { server: 'https://other:6443' } },
      { name: 'this', cluster: { server: 'https://this:6443/base', ...cluster } },
    ],
    users: [
      { name: 'other', user: null },
      { name: 'me', user },
    ],
  });
const PEM = '-----BEGIN CERTIFICATE-----';
const data = Buffer.from(PEM).toString('base64');

describe('kubeconfig', () => {
  it.each<[string, object, object, object]>([
    [
      'takes the current context',
      {},
      {},
      { server: new URL('https://this:6443/base'), userName: 'me', needsPlugin: false },
    ],
    ['takes a token', { token: 'abc' }, {}, { token: { text: 'abc' } }],
    [
      'prefers a token file, beside itself',
      { token: 'abc', tokenFile: 'a/token' },
      {},
      { token: { file: '/etc/kube/a/token' } },
    ],
    ['takes a file at an absolute path', { tokenFile: '/run/token' }, {}, { token: { file: '/run/token' } }],
    ['reads the authority in it', {}, { 'certificate-authority-data': data }, { ca: { text: PEM } }],
    ['names the authority beside it', {}, { 'certificate-authority': 'ca.crt' }, { ca: { file: '/etc/kube/ca.crt' } }],
    [
      'takes a client certificate',
      { 'client-certificate': 'me.crt', 'client-key-data': data },
      {},
      { certificate: { file: '/etc/kube/me.crt' }, key: { text: PEM } },
    ],
    ['takes a password', { username: 'me', password: 'secret' }, {}, { basic: { username: 'me', password: 'secret' } }],
    [
      'acts as another user',
      { as: 'ana', 'as-groups': ['dev'] },
      {},
      { impersonate: { user: 'ana', groups: ['dev'] } },
    ],
    ['checks another name', {}, { 'tls-server-name': 'kubernetes' }, { serverName: 'kubernetes' }],
    ['leaves a program to the official client', { exec: { command: 'aws' } }, {}, { needsPlugin: true }],
    [
      'leaves an identity provider to the official client',
      { 'auth-provider': { name: 'oidc' } },
      {},
      { needsPlugin: true },
    ],
    ['goes over a proxy', {}, { 'proxy-url': 'socks5://proxy:1080' }, { proxy: 'socks5://proxy:1080' }],
  ])('%s', (...[, user, cluster, expected]) => {
    expect(parseKubeconfig(kubeconfig(user, cluster), '/etc/kube')).toMatchObject(expected);
  });

  it('says what it names and does not have', () => {
    const text = kubeconfig({}).replace('current-context: here', 'current-context: nowhere');
    expect(() => parseKubeconfig(text, '/')).toThrow('the kubeconfig has no context nowhere');
    expect(() => parseKubeconfig('', '/')).toThrow();
  });

  it('takes another context and another name where they are chosen', () => {
    const text = kubeconfig({ as: 'eve', 'as-groups': ['users'] });
    const impersonate = { user: 'ana', groups: ['admins'] };
    expect(parseKubeconfig(text, '/', { context: 'elsewhere' })).toMatchObject({
      server: new URL('https://other:6443'),
      userName: 'other',
      impersonate: undefined,
    });
    expect(parseKubeconfig(text, '/', { impersonate })).toMatchObject({ userName: 'me', impersonate });
    expect(() => parseKubeconfig(text, '/', { context: 'nowhere' })).toThrow('has no context nowhere');
  });
});
