import { GovernanceError } from '@scc/governance-api';
import type { istiodView } from '@scc/istio';
import { SEARCH_ATTRIBUTES } from '@scc/plan';
import { type CheckFault, messageOf, type SelfCheck, withDeadline } from '@scc/runtime';
import type { BuildSeen } from './build.js';
import type { MetricSource } from './outside/prometheus.js';

/** What the worker needs outside the cluster's API. Each may reject; the message then says why. */
export interface Outside {
  /** Why no work is taken from Temporal; null while it is. */
  unready: () => string | null;
  temporal: {
    /** Asks for the namespace. @throws Error whose message says what is wrong and which variable helps */
    check: () => Promise<void>;
    serverVersion: () => Promise<string>;
    /** Whether workflows can be found by a search attribute. */
    knows: (attribute: string) => Promise<boolean>;
    /** The worker's build; null where builds are not told apart. */
    build: BuildSeen | null;
  };
  /** Asks governance something that only an engine may ask. @throws GovernanceError | Error */
  governance: () => Promise<void>;
  metrics: Pick<MetricSource, 'check' | 'read' | 'isConfined'>;
  /** The names of the counters by which gates judge. */
  counters: readonly string[];
  /** Null where routes are verified by a bound. */
  proxies: ReturnType<typeof istiodView>['proxies'] | null;
  now: () => Date;
}

/** Temporal has updates switched on by default, and shows summaries, from here on. */
const OLDEST_TEMPORAL: readonly [number, number] = [1, 25];
const MAX_SKEW_S = 5;
const PATIENCE_MS = 8_000;

type Look = (outside: Outside) => Promise<CheckFault[]>;

const temporal: Look = async ({ temporal: server, unready }) => {
  const fault = (what: string, remedy: string): CheckFault => ({ part: 'temporal', fault: what, remedy });
  try {
    await server.check();
  } catch (error) {
    return [fault(messageOf(error), 'Check temporal.address, temporal.namespace and the TLS values of the chart.')];
  }
  const found: CheckFault[] = [];
  const version = await server.serverVersion();
  if (isOlder(version, OLDEST_TEMPORAL))
    found.push(
      fault(
        `the server is of version ${version}, and ${OLDEST_TEMPORAL.join('.')} or newer is needed`,
        'Upgrade Temporal.',
      ),
    );
  const names = Object.values(SEARCH_ATTRIBUTES);
  const known = await Promise.all(names.map((name) => server.knows(name)));
  const missing = names.filter((_, index) => !known[index]);
  if (missing.length > 0)
    found.push(
      fault(
        `the namespace lacks the search attributes ${missing.join(', ')}`,
        missing.map((name) => `temporal operator search-attribute create --name ${name} --type Keyword`).join('; '),
      ),
    );
  if (server.build) found.push(...(await withoutCurrent(server.build)));
  const waiting = unready();
  if (waiting !== null)
    found.push(fault(`no work is taken from the task queue: ${waiting}`, 'Look at the log of the worker.'));
  return found;
};

/** New work goes to the current build alone, and to nobody while there is none. */
async function withoutCurrent({ deployment, build, current }: BuildSeen): Promise<CheckFault[]> {
  const fault = (what: string, remedy: string): CheckFault => ({ part: 'temporal', fault: what, remedy });
  const seen = await current();
  if (seen === 'unknown')
    return [fault('the server knows no Worker Deployments', 'Upgrade Temporal, or leave TEMPORAL_BUILD_ID out.')];
  if (seen.build !== null) return [];
  return [
    fault(
      `no build of the Worker Deployment ${deployment} is current, so nobody takes up new plans`,
      `temporal worker deployment set-current-version --deployment-name ${deployment} --build-id ${build}`,
    ),
  ];
}

const governance: Look = async ({ governance: ask }) => {
  try {
    await ask();
    return [];
  } catch (error) {
    const refusal = error instanceof GovernanceError ? error.status : null;
    const remedies: Record<number, string> = {
      401: 'Check GOVERNANCE_TOKEN_FILE: the token has to be of the worker and of the audience scc-governance.',
      403: 'Name the user of the worker in ENGINE_SERVICE_ACCOUNT of governance.',
      503: 'See what governance waits for in its log: its database, or migrations of the schema.',
    };
    return [
      {
        part: 'governance',
        fault: `it does not serve the worker: ${messageOf(error)}`,
        remedy: remedies[refusal ?? 0] ?? 'Check GOVERNANCE_URL and GOVERNANCE_CA_FILE, and that governance runs.',
      },
    ];
  }
};

const prometheus: Look = async ({ metrics, counters, now }) => {
  const fault = (what: string, remedy: string): CheckFault => ({ part: 'prometheus', fault: what, remedy });
  try {
    await metrics.check('default');
  } catch (error) {
    return [fault(messageOf(error), 'Check mesh.prometheusUrl and its token, authority and headers in the chart.')];
  }
  // Answers that are confined to a namespace say nothing of the others.
  if (metrics.isConfined) return [];
  const ask = (query: string) => metrics.read({ query }, { namespace: 'default', services: [] }, now().getTime());
  const clock = await ask('vector(time())');
  const skew = 'value' in clock ? Math.abs(clock.value - now().getTime() / 1000) : 0;
  const found =
    skew > MAX_SKEW_S
      ? [
          fault(
            `its clock and that of the worker differ by ${Math.round(skew)} s, so gates judge the wrong requests`,
            'Have both machines follow a time server.',
          ),
        ]
      : [];
  const names = counters.map((name) => `count(${name})`).join(' or ');
  const series = await ask(`sum(${names})`);
  if (!('value' in series) || series.value === 0)
    found.push(
      fault(
        `it holds none of ${counters.join(', ')}, so no gate would have data`,
        'Have it scrape the proxies of the mesh, and check mesh.prometheusFlavour.',
      ),
    );
  return found;
};

const istiod: Look = async ({ proxies }) => {
  if (proxies === null) return [];
  const fault = (what: string, remedy: string): CheckFault => ({ part: 'istiod', fault: what, remedy });
  try {
    if ((await proxies()).length > 0) return [];
    return [fault('no proxy is connected to it', 'Check that mesh.istiodDebugUrl names every istiod of the mesh.')];
  } catch (error) {
    return [
      fault(
        messageOf(error),
        'Check mesh.istiodDebugUrl; istiod lets namespaces in by DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES. Without the URL routes are verified by a bound.',
      ),
    ];
  }
};

const LOOKS: readonly (readonly [string, Look])[] = [
  ['temporal', temporal],
  ['governance', governance],
  ['prometheus', prometheus],
  ['istiod', istiod],
];

/** Asks everything outside at once; what does not answer in time is a fault as well. */
export async function selfCheck(outside: Outside, patienceMs = PATIENCE_MS): Promise<SelfCheck> {
  const faults = await Promise.all(
    LOOKS.map(([part, look]) =>
      withDeadline(() => look(outside), { timeoutMs: patienceMs }).catch((error: unknown): CheckFault[] => [
        {
          part,
          fault: `it cannot be looked at: ${messageOf(error)}`,
          remedy: 'Look at the log of the worker and of this part.',
        },
      ]),
    ),
  );
  return { at: outside.now().toISOString(), faults: faults.flat() };
}

/** An answer that is asked for again within a moment is the same one: nobody makes the worker ask without end. */
export function atMostEvery<T>(ms: number, make: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at >= ms) last = { at: performance.now(), answer: make() };
    return last.answer;
  };
}

/** Versions that are no numbers, such as those of a cloud, are taken for new ones. */
function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const found = /^v?(\d+)\.(\d+)/.exec(version);
  if (!found) return false;
  const [theirMajor, theirMinor] = [Number(found[1]), Number(found[2])];
  return theirMajor < major || (theirMajor === major && theirMinor < minor);
}
