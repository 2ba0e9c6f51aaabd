import { waitFor } from '@scc/runtime';
import { stringify } from 'yaml';
import { isNotFound } from '@scc/kube';
import type { Stack } from '../index.js';
import { scenarioPlanOf, type Scenario } from './scenarios.js';
import { PLANS_PATH, planIn } from './watched.js';

const NAME = 'rehearsal';
const TIMEOUT_MS = 60_000;

/**
 * Lets the engine answer a dry run, which touches nothing: the first plan after a start meets code that no processor
 * has run yet, and that is no property of the migration that is measured next.
 */
export async function rehearse({ api, apply }: Pick<Stack, 'api' | 'apply'>, scenario: Scenario): Promise<void> {
  const path = `${PLANS_PATH}/${NAME}`;
  await apply(stringify(scenarioPlanOf({ ...scenario, spec: { ...scenario.spec, dryRun: true } }, NAME)));
  const isFinished = async (): Promise<boolean> =>
    planIn(new Map([[NAME, await api.get(path)]]), NAME)?.status.finishedAt !== undefined;
  await waitFor(isFinished, { timeoutMs: TIMEOUT_MS, everyMs: 200, what: 'a dry run to be answered' });
  await api.call('DELETE', path);
  const isGone = (): Promise<boolean> =>
    api.get(path).then(
      () => false,
      (error: unknown) => {
        if (isNotFound(error)) return true;
        throw error;
      },
    );
  await waitFor(isGone, { timeoutMs: TIMEOUT_MS, everyMs: 200, what: 'the dry run to go' });
}
