import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AllowedHosts } from '../allowed.js';
import { HttpClient, type HttpAnswer } from '../http.js';
import { withDeadline } from '../pause.js';
import { followTrust } from '../trust.js';
import { messageOf } from '../values.js';
import {
  imageConfigurationSchema,
  chosenOf,
  MANIFEST_TYPES,
  type ManifestAnswer,
  manifestAnswer,
} from './manifests.js';
import { type ImageReference, isDigest, parseImage } from './reference.js';

/** An image's configuration, or why it was not read. */
export type ImageRead =
  | {
      readonly read: true;
      /** The name under which it was read. */
      readonly reference: string;
      /** Of what its name points to: the image, or the list of images for several platforms. */
      readonly digest: string;
      readonly platform: string;
      /** `USER`; '' is root. */
      readonly user: string;
      readonly ports: readonly number[];
      readonly volumes: readonly string[];
    }
  | { readonly read: false; readonly reason: string };

export interface RegistryOptions {
  /** The registries that may be asked, with where they send for tokens and content: NAME, NAME:PORT or *.DOMAIN. */
  readonly hosts: string;
  readonly networks?: string;
  readonly caFile?: string | undefined;
  /** `os/architecture`, for images of several platforms. */
  readonly platform?: string;
  /** For one image, in milliseconds. */
  readonly imageMs?: number;
  /** For all images of a call, in milliseconds. */
  readonly allMs?: number;
}

const MAX_BYTES = 4 * 1024 * 1024;
const IMAGE_MS = 20_000;
const ALL_MS = 120_000;
const AT_ONCE = 4;
const MOST_IMAGES = 5_000;
const MOST_REDIRECTS = 3;
const tokenSchema = z.union([
  z.looseObject({ token: z.string().min(1) }).transform(({ token }) => token),
  z.looseObject({ access_token: z.string().min(1) }).transform(({ access_token: token }) => token),
]);

/** A registry on this machine speaks without TLS, as container engines take it. */
const isLoopback = (host: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(host);
const originOf = (host: string): string => `${isLoopback(host) ? 'http' : 'https'}://${host}`;
const headerOf = ({ headers }: HttpAnswer, name: string): string => {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
};

/** `Bearer realm="…",service="…",scope="…"` */
function challengeOf(header: string): Record<string, string> | undefined {
  const [, parameters] = /^Bearer\s+(.*)$/i.exec(header) ?? [];
  if (parameters === undefined) return undefined;
  return Object.fromEntries(
    [...parameters.matchAll(/([a-z_]+)="([^"]*)"/gi)].map(([, name = '', value = '']) => [name.toLowerCase(), value]),
  );
}

function verified(text: string, digest: string): string {
  const found = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  if (found !== digest) throw new Error(`the content of ${digest} has the digest ${found}`);
  return text;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('the registry answered no JSON');
  }
}

/** Reads an image's parts from one repository, with an anonymous token where the registry asks for one. */
class Repository {
  #token: string | undefined;

  constructor(
    private readonly at: ImageReference,
    private readonly send: (url: URL, headers: Record<string, string>) => Promise<HttpAnswer>,
    private readonly platform: string,
  ) {}

  async read(): Promise<ImageRead> {
    const named = await this.#manifest(this.at.tag);
    const { digest } = named;
    const image = named.content.is === 'index' ? await this.#imageOf(named.content) : named.content;
    const blob = await this.#get(`blobs/${image.config}`, '*/*');
    const parsed = imageConfigurationSchema.safeParse(jsonOf(verified(blob.text, image.config)));
    if (!parsed.success) throw new Error('its configuration is none of an image');
    return { read: true, reference: this.at.name, digest, ...parsed.data };
  }

  async #imageOf(index: Extract<ManifestAnswer, { is: 'index' }>) {
    const digest = chosenOf(index, this.platform);
    if (digest === undefined) throw new Error('it is a list without any image');
    const { content } = await this.#manifest(digest);
    if (content.is === 'index') throw new Error('it is a list of lists of images');
    return content;
  }

  async #manifest(tag: string): Promise<{ digest: string; content: ManifestAnswer }> {
    const answer = await this.#get(`manifests/${tag}`, MANIFEST_TYPES.join(', '));
    const digest = `sha256:${createHash('sha256').update(answer.text).digest('hex')}`;
    const stated = isDigest(tag) ? tag : headerOf(answer, 'docker-content-digest');
    if (isDigest(stated)) verified(answer.text, stated);
    const parsed = manifestAnswer.safeParse(jsonOf(answer.text));
    if (!parsed.success) throw new Error('its manifest is of a kind that is not understood');
    return { digest, content: parsed.data };
  }

  async #get(path: string, accept: string): Promise<HttpAnswer> {
    const url = new URL(`${originOf(this.at.host)}/v2/${this.at.repository}/${path}`);
    let answer = await this.#asked(url, accept);
    if (answer.status === 401 && this.#token === undefined) {
      this.#token = await this.#anonymous(headerOf(answer, 'www-authenticate'));
      answer = await this.#asked(url, accept);
    }
    if (answer.status === 200) return answer;
    if (answer.status === 401 || answer.status === 403) throw new Error('its registry asks for credentials');
    throw new Error(answer.status === 404 ? 'its registry does not have it' : `its registry answered ${answer.status}`);
  }

  /** Follows where the registry keeps its content; the token goes to the registry alone. */
  async #asked(start: URL, accept: string): Promise<HttpAnswer> {
    let url = start;
    for (let hops = 0; ; hops += 1) {
      const own = this.#token !== undefined && url.origin === start.origin;
      const answer = await this.send(url, { accept, ...(own ? { authorization: `Bearer ${this.#token ?? ''}` } : {}) });
      const location = headerOf(answer, 'location');
      if (answer.status < 300 || answer.status > 399 || location === '') return answer;
      if (hops === MOST_REDIRECTS) throw new Error(`its registry redirects more than ${MOST_REDIRECTS} times`);
      url = new URL(location, url);
    }
  }

  async #anonymous(header: string): Promise<string> {
    const { realm, service } = challengeOf(header) ?? {};
    if (realm === undefined || !URL.canParse(realm)) throw new Error('its registry asks for credentials');
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${this.at.repository}:pull`);
    const answer = await this.send(url, { accept: 'application/json' });
    if (answer.status !== 200) throw new Error('its registry asks for credentials');
    const token = tokenSchema.safeParse(jsonOf(answer.text));
    if (!token.success) throw new Error(`${url.host} gave no token`);
    return token.data;
  }
}

/**
 * Reads the configurations of images from their registries, without any credentials, in bounded time and bytes, from
 * the allowed hosts alone. Content is taken only when its digest is the one that names it.
 */
export class ImageReader {
  readonly #allowed: AllowedHosts;
  readonly #http: HttpClient;
  readonly #options: Required<Pick<RegistryOptions, 'platform' | 'imageMs' | 'allMs'>>;

  /** @throws ConfigError */
  constructor({
    hosts,
    networks = '',
    caFile,
    platform = 'linux/amd64',
    imageMs = IMAGE_MS,
    allMs = ALL_MS,
  }: RegistryOptions) {
    this.#allowed = new AllowedHosts(hosts, networks);
    const { current, forget } = followTrust({ caFile });
    this.#http = new HttpClient({
      trust: current,
      untrusted: forget,
      lookup: this.#allowed.lookup,
      connections: AT_ONCE,
      maxBytes: MAX_BYTES,
    });
    this.#options = { platform, imageMs, allMs };
  }

  /** Each image once; one that cannot be read comes with the reason. */
  async readAll(images: Iterable<string>): Promise<Map<string, ImageRead>> {
    const found = new Map<string, ImageRead>();
    const waiting = [...new Set(images)];
    const untilMs = performance.now() + this.#options.allMs;
    const take = async (): Promise<void> => {
      for (let image = waiting.shift(); image !== undefined; image = waiting.shift())
        found.set(image, found.size < MOST_IMAGES ? await this.#readBy(image, untilMs) : unread('there are too many'));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, take));
    return found;
  }

  close(): void {
    this.#http.close();
  }

  async #readBy(image: string, untilMs: number): Promise<ImageRead> {
    const at = parseImage(image);
    if (!at) return unread('its name is none of an image');
    const timeoutMs = Math.min(this.#options.imageMs, untilMs - performance.now());
    if (timeoutMs <= 0) return unread('the time for reading images was over');
    try {
      return await withDeadline(
        (signal) =>
          new Repository(at, (url, headers) => this.#send(url, headers, signal), this.#options.platform).read(),
        { timeoutMs },
      );
    } catch (error) {
      return unread(messageOf(error));
    }
  }

  async #send(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<HttpAnswer> {
    if (!this.#allowed.allows(url)) throw new Error(`${url.host} is not among the hosts that may be asked`);
    if (url.protocol !== 'https:' && !isLoopback(url.host)) throw new Error(`${url.host} is to be asked without TLS`);
    return this.#http.send({ method: 'GET', url, headers, signal });
  }
}

const unread = (reason: string): ImageRead => ({ read: false, reason });
