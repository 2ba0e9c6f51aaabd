import { GatewayRouter } from '@scc/gateway-api';
import { IstioRouter, isIstioController, type IstioRouterOptions } from '@scc/istio';
import { OpenShiftRouter, type RouterCounters } from '@scc/openshift-route';
import { REPLICAS, ReplicasRouter } from '@scc/replicas';
import { CompositeRouter, type TrafficRouter } from '@scc/routing';

/** The part of the surveys that were kept before there were several routers. */
const MESH = 'istio';

/**
 * All routers of this worker, each for the ways of its kind; what a plan's workload has is found by its survey. Routes of
 * the Gateway API come first: where they route a Service within the mesh, it gets no VirtualService of ours. Where none
 * divides anything, the Services themselves are divided by their pods.
 */
export function routersOf({
  counters,
  reloadMs,
  ...options
}: IstioRouterOptions & {
  /** The reload interval of OpenShift's routers whose controller does not tell it, in milliseconds. */
  reloadMs: number;
  /** Of OpenShift's routers. */
  counters?: RouterCounters | undefined;
}): TrafficRouter {
  const istio = new IstioRouter(options);
  const gateway = new GatewayRouter({ ...options, proof: { isFor: isIstioController, of: istio.proof } });
  const openshift = new OpenShiftRouter({ ...options, reloadMs, counters });
  const replicas = new ReplicasRouter(options);
  return new CompositeRouter(
    [
      { name: 'openshift-route', router: openshift },
      { name: 'gateway-api', router: gateway },
      { name: MESH, router: istio },
    ],
    MESH,
    { name: REPLICAS, router: replicas },
  );
}
