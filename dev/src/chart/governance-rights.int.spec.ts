import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseObjects } from '../cluster/manifests.js';
import { runHelm } from './helm.js';
import { rightsOf } from './objects.fixture.js';
import { renderChart } from './render.js';

const TRY = ['--set', 'tryout=true'];
const OPENSHIFT = ['platform=openshift', 'certificates.source=service-ca'].flatMap((value) => ['--set', value]);
const READING: readonly string[] = ['get', 'list', 'watch'];

/** Each right of governance to change something: verb, where, kind, and the names it holds for. */
async function changes(values: readonly string[]): Promise<string[]> {
  const rights = rightsOf(parseObjects(await renderChart(values)), 'governance');
  const words = rights.flatMap(({ verbs, namespace, resources, resourceNames = ['*'] }) =>
    verbs
      .filter((verb) => !READING.includes(verb))
      .flatMap((verb) =>
        resources.flatMap((kind) => resourceNames.map((name) => `${verb} ${namespace ?? '*'} ${kind} ${name}`)),
      ),
  );
  return words.toSorted();
}

/** What every installation needs: questions, and its own webhook. */
const EVERYWHERE = [
  ...['create * subjectaccessreviews *', 'create * tokenreviews *'],
  ...['create * events *', 'patch * events *'],
  'patch * mutatingwebhookconfigurations scc-webhook',
  'patch * validatingwebhookconfigurations scc-webhook',
  ...['patch scc-system configmaps scc-audit-checkpoint', 'update scc-system secrets scc-audit-key'],
];

// Builds helm where no machine has it yet.
beforeAll(() => runHelm(['version']), 900_000);

describe('governance', () => {
  // No right creates a Secret, which could be the token of another ServiceAccount, or writes a webhook of somebody else.
  it('changes its own webhook and its own named objects, and nothing else, on OpenShift', async () => {
    expect(await changes([...TRY, ...OPENSHIFT])).toEqual(EVERYWHERE.toSorted());
  }, 60_000);

  it('also marks namespaces on plain Kubernetes, and turns its certificates', async () => {
    const more = [
      ...['patch * namespaces *', 'update * namespaceenforcements *'],
      ...['update scc-system configmaps scc-uid-blocks', 'update scc-system secrets scc-webhook-tls'],
    ];
    expect(await changes(TRY)).toEqual([...EVERYWHERE, ...more].toSorted());
  }, 60_000);

  it('writes no key of the audit log that is not its own', async () => {
    const rights = await changes([...TRY, '--set', 'audit.secretName=own-key']);
    expect(rights.filter((right) => right.includes('audit-key') || right.includes('own-key'))).toEqual([]);
  }, 60_000);
});
