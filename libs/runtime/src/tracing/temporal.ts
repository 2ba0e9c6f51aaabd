import type { WorkflowClientInterceptor } from '@temporalio/client';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry';

/** What begins or moves a workflow is traced; what only asks about one is asked too often to be. */
export function tracedCalls(): WorkflowClientInterceptor {
  const traced = new OpenTelemetryWorkflowClientInterceptor();
  return {
    startWithDetails: (input, next) => traced.startWithDetails(input, next),
    signal: (input, next) => traced.signal(input, next),
    startUpdate: (input, next) => traced.startUpdate(input, next),
    cancel: (input, next) => traced.cancel(input, next),
  };
}
