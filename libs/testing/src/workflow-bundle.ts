import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';

/** Bundles workflows from their TypeScript sources, as the build bundles the compiled ones. */
export const bundleOfSources = (workflowsPath: string): Promise<WorkflowBundle> =>
  bundleWorkflowCode({
    workflowsPath,
    logger: new DefaultLogger('ERROR'),
    webpackConfigHook: (config) => ({
      ...config,
      resolve: { ...config.resolve, conditionNames: ['source', '...'], extensionAlias: { '.js': ['.ts', '.js'] } },
    }),
  });
