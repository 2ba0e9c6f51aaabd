import { isCanaryObject } from '@scc/plan';
import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import { processIdentityOf, type ProcessIdentity } from './security.js';

/** The programs of the local stack's images. Their names are `scc.poc/NAME:TAG`. */
const IMAGES = [
  'healthy',
  'slow-start',
  'never-ready',
  'errors-under-load',
  'errors-unless-root',
  'slow',
  'needs-root',
  'needs-root-unless-canary',
  'port-80',
  'writes-volume',
  'leaks',
  'batch',
  'batch-as-root',
] as const;
export type ImageName = (typeof IMAGES)[number];

/** A tag that contains this stands for an image whose own user is not root. */
const NON_ROOT_TAG = 'nonroot';
const NON_ROOT_UID = 65532;

export interface Image {
  name: ImageName;
  uid: number;
}

/** The image behind a reference, or null when no registry has it. */
export function imageOf(reference: string): Image | null {
  const [, wanted, tag = ''] = /^scc\.poc\/([a-z0-9-]+)(?::([\w.-]+))?$/.exec(reference) ?? [];
  const name = IMAGES.find((known) => known === wanted);
  return name ? { name, uid: tag.includes(NON_ROOT_TAG) ? NON_ROOT_UID : 0 } : null;
}

/** How a container behaves once its process was started. */
export interface Behaviour {
  identity: ProcessIdentity;
  /** The process writes this and ends with exit code 1; null when it keeps running. */
  dies: string | null;
  /** Milliseconds until it answers its health paths with 200; Infinity for never. */
  readyAfterMs: number;
  /** Milliseconds that every answer takes. */
  latencyMs: number;
  /** Requests per second of this pod above which it answers 503; Infinity for never. */
  errorsAboveRps: number;
  /** Whether requests that a proxy sends again are answered well, so that retries hide the errors from clients. */
  retriesSucceed: boolean;
  /** Milliseconds of further serving after SIGTERM, while proxies learn that the endpoint is going. */
  drainMs: number;
  /** Milliseconds until the kernel ends the process because memory runs out; Infinity for never. */
  oomAfterMs: number;
  /** Milliseconds until it has done its work and ends well; Infinity for a server. */
  endsAfterMs: number;
  /** Ports that it binds. */
  ports: number[];
}

/** Images that end by themselves. */
const BATCHES: ReadonlySet<ImageName> = new Set(['batch', 'batch-as-root']);
const DEFAULT_DRAIN_S = 2;
const LOW_PORTS_END = 1024;

/** Decides what a container of this image does in this pod. Its environment tunes the image, as with a real one. */
export function behaviourOf(pod: KubeletPod, container: KubeletContainer, image: Image): Behaviour {
  const identity = processIdentityOf(pod, container, image.uid);
  const setting = (name: string, fallback: number): number => {
    const value = Number(container.env.find((entry) => entry.name === name)?.value);
    return Number.isFinite(value) ? value : fallback;
  };
  const ports = image.name === 'port-80' ? [80] : tcpPorts(container);
  return {
    identity,
    dies: deathOf(pod, container, image.name, { identity, ports }),
    readyAfterMs: readyAfter(image.name, setting),
    latencyMs: setting('LATENCY_MS', image.name === 'slow' ? 200 : 0),
    errorsAboveRps: errorsAbove(image.name, identity) ? setting('ERRORS_ABOVE_RPS', 15) : Infinity,
    retriesSucceed: setting('ERRORS_ON_RETRY', 0) === 0,
    drainMs: setting('DRAIN_SECONDS', DEFAULT_DRAIN_S) * 1000,
    oomAfterMs: image.name === 'leaks' ? setting('LEAK_SECONDS', 30) * 1000 : Infinity,
    endsAfterMs: BATCHES.has(image.name) ? setting('RUN_SECONDS', 1) * 1000 : Infinity,
    ports,
  };
}

const tcpPorts = (container: KubeletContainer): number[] => [
  ...new Set(container.ports.filter(({ protocol }) => protocol === 'TCP').map(({ containerPort }) => containerPort)),
];

function readyAfter(name: ImageName, setting: (name: string, fallback: number) => number): number {
  if (name === 'never-ready') return Infinity;
  return setting('START_SECONDS', name === 'slow-start' ? 5 : 0) * 1000;
}

const errorsAbove = (name: ImageName, { uid }: ProcessIdentity): boolean =>
  name === 'errors-under-load' || (name === 'errors-unless-root' && uid !== 0);

function deathOf(
  pod: KubeletPod,
  container: KubeletContainer,
  name: ImageName,
  { identity, ports }: { identity: ProcessIdentity; ports: number[] },
): string | null {
  const low = ports.find((port) => port < LOW_PORTS_END);
  if (low !== undefined && !identity.canBindLowPorts) return `listen tcp 0.0.0.0:${low}: bind: permission denied`;
  if ((name === 'needs-root' || name === 'batch-as-root') && identity.uid !== 0)
    return `must run as root, not as uid ${identity.uid}`;
  if (name === 'needs-root-unless-canary' && identity.uid !== 0 && !isCanaryObject(pod.metadata))
    return `must run as root, not as uid ${identity.uid}`;
  if (name === 'writes-volume' && !mayWrite(container, identity)) return 'open /data/ledger.db: permission denied';
  return null;
}

/** The volume's files belong to the VOLUME_OWNER (`uid:gid`, root's by default); fsGroup hands them to that group. */
function mayWrite(container: KubeletContainer, { uid, groups, fsGroup }: ProcessIdentity): boolean {
  if (uid === 0 || fsGroup !== null) return true;
  const owner = container.env.find(({ name }) => name === 'VOLUME_OWNER')?.value ?? '0:0';
  const [ownerUid, ownerGid] = owner.split(':').map(Number);
  return uid === ownerUid || (ownerGid !== undefined && ownerGid !== 0 && groups.includes(ownerGid));
}
