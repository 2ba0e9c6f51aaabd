/** Where an image is: a registry, a repository of it, and a tag or a digest. */
export interface ImageReference {
  /** `host` or `host:port` of the registry's API. */
  readonly host: string;
  readonly repository: string;
  /** A tag, or `sha256:…`. */
  readonly tag: string;
  /** The whole name, as it was read. */
  readonly name: string;
}

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** A name without a registry is one of Docker Hub, whose API has another name. */
const HUB = { host: 'docker.io', api: 'registry-1.docker.io' };

export const isDigest = (text: string): boolean => DIGEST.test(text);

function split(image: string): { host: string; path: string } {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (isHost) return { host: first, path: rest.join('/') };
  return { host: HUB.host, path: image };
}

const isHub = (host: string): boolean => host === HUB.host || host === `index.${HUB.host}`;

/** What comes after the registry: `repository:tag@digest`, of which the last two may be missing. */
function splitPath(path: string): { short: string; tag: string; digest: string | undefined } | undefined {
  const [named = '', digest, ...more] = path.split('@');
  const [short = '', tag = 'latest', ...others] = named.split(':');
  if (more.length + others.length > 0 || !TAG.test(tag) || (digest !== undefined && !isDigest(digest)))
    return undefined;
  return { short, tag, digest };
}

/** An image's name as a container engine reads it; undefined when it is none. */
export function parseImage(image: string): ImageReference | undefined {
  const { host, path } = split(image);
  const parts = splitPath(path);
  if (!parts || !HOST.test(host)) return undefined;
  const { short, tag, digest } = parts;
  const repository = isHub(host) && !short.includes('/') ? `library/${short}` : short;
  if (!REPOSITORY.test(repository)) return undefined;
  return {
    host: isHub(host) ? HUB.api : host.toLowerCase(),
    repository,
    tag: digest ?? tag,
    name: `${host}/${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`,
  };
}
