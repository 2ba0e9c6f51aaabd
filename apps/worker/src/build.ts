import { isGrpcServiceError } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import type { TemporalLink } from '@scc/runtime/temporal';
import { z } from 'zod';

/** Both end up in one name of Temporal, which parts them by a dot. */
const named = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'is 1 to 63 letters, digits, - and _');
const stamp = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'is 1 to 128 letters, digits, ., +, - and _');

/** The variables of a worker that runs beside another build of it. */
export const buildConfig = {
  TEMPORAL_BUILD_ID: stamp
    .optional()
    .describe(
      'the build of this worker: a migration stays with the build that it began with, new ones go to the current one; absent, builds are not told apart',
    ),
  TEMPORAL_DEPLOYMENT: named.default('scc-worker').describe('the Worker Deployment in Temporal whose builds these are'),
};
export type BuildConfig = z.infer<z.ZodObject<typeof buildConfig>>;

/** How a worker says which build it is; nothing where builds are not told apart. */
export const asBuild = ({
  TEMPORAL_BUILD_ID: buildId,
  TEMPORAL_DEPLOYMENT: deploymentName,
}: BuildConfig): Pick<WorkerOptions, 'workerDeploymentOptions'> =>
  buildId === undefined
    ? {}
    : {
        workerDeploymentOptions: {
          useWorkerVersioning: true,
          version: { deploymentName, buildId },
          // A history is only replayed by the code that wrote it.
          defaultVersioningBehavior: 'PINNED',
        },
      };

/** Codes of gRPC: there is no such deployment; the server does not know of any. */
const [NOT_FOUND, UNIMPLEMENTED]: readonly number[] = [5, 12];

/** A build in Temporal, and whether new migrations find one. */
export interface BuildSeen {
  deployment: string;
  build: string;
  /** The build to which new migrations go; null while none is current. `unknown`: the server has no such thing. */
  current: () => Promise<{ build: string | null } | 'unknown'>;
}

/** Null where builds are not told apart. */
export function buildSeen(
  { TEMPORAL_BUILD_ID: build, TEMPORAL_DEPLOYMENT: deployment }: BuildConfig,
  link: TemporalLink,
): BuildSeen | null {
  if (build === undefined) return null;
  return {
    deployment,
    build,
    current: async () => {
      try {
        const { workflowService } = await link.client();
        const { workerDeploymentInfo } = await workflowService.describeWorkerDeployment({
          namespace: link.namespace,
          deploymentName: deployment,
        });
        return { build: workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? null };
      } catch (error) {
        if (!isGrpcServiceError(error)) throw error;
        const code: number = error.code;
        if (code === UNIMPLEMENTED) return 'unknown';
        if (code === NOT_FOUND) return { build: null };
        throw error;
      }
    },
  };
}
