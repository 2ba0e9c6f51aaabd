import type { Violation } from '@scc/plan';

/**
 * Requests of an ambient mesh are routed by nodes and waypoints, which no router of ours asks: what goes through them
 * cannot be seen to be divided.
 */

const DATAPLANE_LABEL = 'istio.io/dataplane-mode';
/** Names the Gateway that is the waypoint; a Service's own, or a pod's, comes before that of the namespace. */
const WAYPOINT_LABEL = 'istio.io/use-waypoint';
const WAYPOINT_NAMESPACE_LABEL = 'istio.io/use-waypoint-namespace';
const NO_WAYPOINT = 'none';
/** By which a plan accepts it of a namespace that requests of the ambient mesh are not divided. */
export const AMBIENT_KIND = 'Namespace';

type Labels = Readonly<Record<string, string>>;

/** What says whether a workload is in an ambient mesh. */
interface Labelled {
  kind: string;
  name: string;
  namespace: string;
  /** Of its template. */
  podLabels: Labels;
  namespaceLabels: Labels | null | undefined;
  /** The Services that pick its pods. */
  services: readonly { name: string; labels?: Labels | undefined }[];
}

/** The waypoint that labels name, as `Gateway NAME`; null where there is none. */
function waypointOf(own: Labels, namespaceLabels: Labels): string | null {
  const { [WAYPOINT_LABEL]: name, [WAYPOINT_NAMESPACE_LABEL]: namespace } = own[WAYPOINT_LABEL] ? own : namespaceLabels;
  if (name === undefined || name === '' || name === NO_WAYPOINT) return null;
  return `Gateway ${namespace === undefined ? name : `${namespace}/${name}`}`;
}

const accepting = (namespace: string): string =>
  `or accept that requests of the ambient mesh are not divided, by spec.traffic.accept: [{kind: ${AMBIENT_KIND}, name: '${namespace}'}].`;

const violation = (message: string, remedy: string): Violation => ({
  code: 'AmbientNotDivided',
  field: 'spec.traffic.accept',
  message,
  remedy,
});

/** What of a workload a waypoint serves: its Services, and its pods where their own label says so. */
function behindWaypoints({ kind, name, podLabels, namespaceLabels, services }: Labelled) {
  const around = namespaceLabels ?? {};
  const ofPods = podLabels[WAYPOINT_LABEL] === undefined ? null : waypointOf(podLabels, around);
  return [
    ...services.map((service) => ({
      ...{ what: `Service ${service.name}`, labelled: `Service ${service.name}` },
      waypoint: waypointOf(service.labels ?? {}, around),
    })),
    { what: `the pods of ${kind} ${name}`, labelled: `the template of ${kind} ${name}`, waypoint: ofPods },
  ].filter(({ waypoint }) => waypoint !== null);
}

/**
 * Why requests of an ambient mesh cannot be seen to be divided. Pods are in it by their namespace's label, unless their
 * own says otherwise; a waypoint serves Services that are not in it, too.
 */
export function undividedInAmbient(workload: Labelled): Violation[] {
  const { kind, name, namespace, podLabels, namespaceLabels } = workload;
  const behind = behindWaypoints(workload);
  if ((podLabels[DATAPLANE_LABEL] ?? namespaceLabels?.[DATAPLANE_LABEL]) === 'ambient') {
    const waypoints = [...new Set(behind.map(({ waypoint }) => waypoint))].join(', ');
    return [
      violation(
        `the pods of ${kind} ${name} are in the ambient mesh: ${waypoints === '' ? 'ztunnel and waypoints send' : `ztunnel and the waypoint ${waypoints} send`} requests to them, and neither can be seen to divide these`,
        `Use sidecars for the workload and its callers for the time of the migration (label ${DATAPLANE_LABEL}: none, istio-injection: enabled), ${accepting(namespace)}`,
      ),
    ];
  }
  return behind.map(({ what, labelled, waypoint }) =>
    violation(
      `callers in the ambient mesh reach ${what} by the waypoint ${waypoint}, which cannot be seen to divide their requests`,
      `Use sidecars for these callers for the time of the migration and label ${labelled} ${WAYPOINT_LABEL}: ${NO_WAYPOINT}, ${accepting(namespace)}`,
    ),
  );
}
