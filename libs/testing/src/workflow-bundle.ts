import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';

/** Bundles workflows from their TypeScript sources, as the build bundles the compiled ones. */
export const bundleOfSources = (
  workflowsPath: string,
  workflowInterceptorModules: string[] = [],
): Promise<WorkflowBundle> =>
  bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules,
    logger: new DefaultLogger('ERROR'),
    webpackConfigHook: (config) => ({
      ...config,
      resolve: { ...config.resolve, conditionNames: ['source', '...'], extensionAlias: { '.js': ['.ts', '.js'] } },
    }),
  });
