import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The parts of an image that tests name. */
export interface TestImage {
  config: object;
  /** Other platforms than linux/amd64 beside it: it becomes a list. */
  platforms?: readonly string[];
}

export interface TestRegistry {
  /** `127.0.0.1:PORT` */
  host: string;
  /** Each request as `METHOD path`, with the token that it bore. */
  requests: { path: string; token: string | null }[];
  /** Content by digest or tag, as `repository/manifests/tag`. */
  content: Map<string, { type: string; body: string }>;
  /** Answers before the registry does, where it returns true. */
  before: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  put: (repository: string, tag: string, image: TestImage) => string;
  close: () => Promise<void>;
}

const OCI = 'application/vnd.oci.image';
const digestOf = (body: string): string => `sha256:${createHash('sha256').update(body).digest('hex')}`;

/** A registry of images on loopback that gives content to those who have its anonymous token. */
export async function startRegistry({ token = null }: { token?: string | null } = {}): Promise<TestRegistry> {
  const content: TestRegistry['content'] = new Map();
  const requests: TestRegistry['requests'] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://registry');
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? null;
    requests.push({ path: request.url ?? '', token: bearer });
    if (registry.before?.(request, response) === true) return;
    if (pathname === '/token') return void response.end(JSON.stringify({ token }));
    if (token !== null && bearer !== token) {
      const challenge = `Bearer realm="http://${registry.host}/token",service="tests",scope="repository:any:pull"`;
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
    const found = content.get(pathname.replace(/^\/v2\//, ''));
    if (!found) return void response.writeHead(404).end('{}');
    response.writeHead(200, { 'content-type': found.type, 'docker-content-digest': digestOf(found.body) });
    response.end(found.body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const keep = (repository: string, kind: string, type: string, value: object): string => {
    const body = JSON.stringify(value);
    content.set(`${repository}/${kind}/${digestOf(body)}`, { type, body });
    return digestOf(body);
  };
  const registry: TestRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    content,
    before: null,
    put: (repository, tag, { config, platforms = [] }) => {
      const manifestFor = (architecture: string): string => {
        const blob = keep(repository, 'blobs', 'application/json', { os: 'linux', architecture, config });
        const manifest = { schemaVersion: 2, config: { digest: blob }, layers: [] };
        return keep(repository, 'manifests', `${OCI}.manifest.v1+json`, manifest);
      };
      const images = ['amd64', ...platforms].map((architecture) => ({
        digest: manifestFor(architecture),
        platform: { os: 'linux', architecture },
      }));
      const attestation = { digest: digestOf('attestation'), platform: { os: 'unknown', architecture: 'unknown' } };
      const index = { schemaVersion: 2, manifests: [attestation, ...images] };
      const digest =
        platforms.length > 0 ? keep(repository, 'manifests', `${OCI}.index.v1+json`, index) : (images[0]?.digest ?? '');
      content.set(`${repository}/manifests/${tag}`, content.get(`${repository}/manifests/${digest}`) ?? missing());
      return digest;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return registry;
}

function missing(): never {
  throw new Error('an image was not kept');
}
