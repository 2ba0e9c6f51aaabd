import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startRegistry, type TestRegistry } from '@scc/testing/images';
import { ImageReader, type ImageRead, type RegistryOptions } from './registry.js';

const CONFIG = { User: '1001:0', ExposedPorts: { '8080/tcp': {}, '443': {}, '1-2/tcp': {} }, Volumes: { '/data': {} } };
const TOKEN = 'anonymous-token';
let registry: TestRegistry;
let other: TestRegistry;

beforeEach(async () => {
  [registry, other] = await Promise.all([startRegistry({ token: TOKEN }), startRegistry()]);
});
afterEach(() => Promise.all([registry.close(), other.close()]));

async function read(image: string, over: Partial<RegistryOptions> = {}): Promise<ImageRead | undefined> {
  const reader = new ImageReader({ hosts: registry.host, ...over });
  try {
    return (await reader.readAll([image])).get(image);
  } finally {
    reader.close();
  }
}
const reasonOf = async (...asked: Parameters<typeof read>): Promise<string> => {
  const found = await read(...asked);
  return found?.read === false ? found.reason : 'it was read';
};

describe('the configuration of an image', () => {
  it('is read with an anonymous token, once asked for one', async () => {
    const digest = registry.put('team/app', '1', { config: CONFIG });
    const image = `${registry.host}/team/app:1`;
    expect(await read(image)).toEqual({
      read: true,
      ...{ reference: image, digest, platform: 'linux/amd64', user: '1001:0', ports: [443, 8080], volumes: ['/data'] },
    });
    expect(registry.requests.map(({ path, token }) => [path.replace(/sha256:\w+/, 'DIGEST'), token])).toEqual([
      ['/v2/team/app/manifests/1', null],
      ['/token?service=tests&scope=repository%3Ateam%2Fapp%3Apull', null],
      ['/v2/team/app/manifests/1', TOKEN],
      ['/v2/team/app/blobs/DIGEST', TOKEN],
    ]);
  });

  it('is that of the asked platform, and no attestation', async () => {
    const image = `${registry.host}/many:1`;
    registry.put('many', '1', { config: {}, platforms: ['arm64'] });
    expect(await read(image)).toMatchObject({ platform: 'linux/amd64', user: '' });
    expect(await read(image, { platform: 'linux/arm64' })).toMatchObject({ platform: 'linux/arm64' });
    expect(await read(image, { platform: 'linux/s390x' })).toMatchObject({ platform: 'linux/amd64' });
  });

  it('is read by digest, of an image that says nothing, too', async () => {
    const digest = registry.put('bare', '1', { config: {} });
    const image = `${registry.host}/bare@${digest}`;
    expect(await read(image)).toMatchObject({ read: true, reference: image, user: '', ports: [], volumes: [] });
  });

  it('is followed to where the registry keeps it, without the token', async () => {
    registry.put('moved', '1', { config: CONFIG });
    registry.before = ({ url = '', headers }, response) => {
      if (!url.includes('/blobs/') || headers.authorization === undefined) return false;
      response.writeHead(307, { location: `http://${other.host}${url}` }).end();
      return true;
    };
    for (const [key, value] of registry.content) other.content.set(key, value);
    const image = `${registry.host}/moved:1`;
    expect(await read(image, { hosts: `${registry.host},${other.host}` })).toMatchObject({ user: '1001:0' });
    expect(other.requests.map(({ token }) => token)).toEqual([null]);
    expect(await reasonOf(image)).toBe(`${other.host} is not among the hosts that may be asked`);
  });
});

describe('an image that is not read', () => {
  const answers = (status: number, body: string, headers: Record<string, string> = {}) => {
    registry.before = ({ url = '' }, response) => {
      if (url.startsWith('/token')) return false;
      response.writeHead(status, headers).end(body);
      return true;
    };
  };
  const image = (): string => `${registry.host}/a:1`;

  it('is one of another host', async () => {
    expect(await reasonOf('quay.example/a:1')).toBe('quay.example is not among the hosts that may be asked');
    expect(await reasonOf('no image')).toBe('its name is none of an image');
  });
  it('is one of a registry that wants a name and a password', async () => {
    answers(401, '', { 'www-authenticate': 'Basic realm="x"' });
    expect(await reasonOf(image())).toBe('its registry asks for credentials');
  });
  it('is one whose token is given by a host that may not be asked', async () => {
    answers(401, '', { 'www-authenticate': `Bearer realm="http://${other.host}/token"` });
    expect(await reasonOf(image())).toBe(`${other.host} is not among the hosts that may be asked`);
    expect(other.requests).toEqual([]);
  });
  it('is one that is not there, or that the registry cannot give', async () => {
    expect(await reasonOf(image())).toBe('its registry does not have it');
    answers(429, '');
    expect(await reasonOf(image())).toBe('its registry answered 429');
    answers(200, '<html>');
    expect(await reasonOf(image())).toBe('the registry answered no JSON');
    answers(200, '{"schemaVersion":1}');
    expect(await reasonOf(image())).toBe('its manifest is of a kind that is not understood');
  });
  it('is one whose content is not what its digest names', async () => {
    const digest = registry.put('a', '1', { config: CONFIG });
    for (const [key, value] of registry.content)
      if (key.includes('/blobs/')) registry.content.set(key, { ...value, body: value.body.replace('1001', '0000') });
    expect(await reasonOf(image())).toMatch(/^the content of sha256:\w+ has the digest sha256:\w+$/);
    registry.content.set(`a/manifests/${digest}`, { type: '', body: '{"config":{}}' });
    expect(await reasonOf(`${registry.host}/a@${digest}`)).toMatch(/^the content of/);
  });
  it('is one that redirects for ever, or to a server without TLS', async () => {
    answers(302, '', { location: `http://${registry.host}/v2/again` });
    expect(await reasonOf(image())).toBe('its registry redirects more than 3 times');
    answers(302, '', { location: 'http://plain.example/' });
    expect(await reasonOf(image(), { hosts: `${registry.host},plain.example` })).toBe(
      'plain.example is to be asked without TLS',
    );
  });
  it('is one that takes too long or is too large', async () => {
    registry.before = () => true;
    expect(await reasonOf(image(), { imageMs: 200 })).toBe('no answer within 200 ms');
    expect(await reasonOf(image(), { allMs: 0 })).toBe('the time for reading images was over');
    answers(200, 'x'.repeat(5 * 1024 * 1024));
    expect(await reasonOf(image())).toBe('the answer is longer than 4194304 bytes');
  });
});
