import { kindViolation } from '@scc/plan';
import { imageFacts, imagesOf, recommend, type Recommendation, type Remediation } from '@scc/scc';
import { evidenceSentence, imageEvidence } from '@scc/scc/scan';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { CliError, EXIT } from './exit.js';
import { readManifests, workloadOf, type WorkloadManifest } from './manifests.js';
import { fields, table } from './output.js';
import { type ImageOptions, readImages } from './scan/images.js';
import { withListed } from './scan/command.js';
import { factsOf, namespaceFrom, sccsFrom, type Surroundings, surroundingsOf } from './scc-facts.js';
import type { Run, Session } from './session.js';

interface RecommendOptions extends ImageOptions {
  filename?: string;
  sccs?: string;
  namespace: string;
}

const API_VERSIONS: Record<string, string> = {
  deployment: 'apps/v1',
  statefulset: 'apps/v1',
  daemonset: 'apps/v1',
  replicaset: 'apps/v1',
  job: 'batch/v1',
  cronjob: 'batch/v1',
};
const KINDS: Record<string, string> = {
  deployment: 'Deployment',
  statefulset: 'StatefulSet',
  daemonset: 'DaemonSet',
  replicaset: 'ReplicaSet',
  job: 'Job',
  cronjob: 'CronJob',
};

async function fromCluster(session: Session, reference: string, namespace: string): Promise<WorkloadManifest> {
  const [kindName = '', name = '', ...rest] = reference.split('/');
  const [kind, apiVersion] = [KINDS[kindName.toLowerCase()], API_VERSIONS[kindName.toLowerCase()]];
  if (kind === undefined || apiVersion === undefined || name === '' || rest.length > 0)
    throw new CliError(
      `${reference} is not KIND/NAME`,
      `Write it as deployment/ledger; kinds are ${Object.keys(KINDS).join(', ')}.`,
      EXIT.usage,
    );
  const object = await (await session.kube()).get({ apiVersion, kind, namespace, name });
  const workload = object && workloadOf({ ...object, metadata: { ...object.metadata, name } }, namespace);
  if (!workload) throw new CliError(`there is no ${kind} ${name} in the namespace ${namespace}`);
  return workload;
}

async function fromFile(file: string, { sccs: sccFile, namespace }: RecommendOptions) {
  const manifests = await readManifests(file);
  const workloads = manifests.flatMap((manifest) => workloadOf(manifest, namespace) ?? []);
  if (workloads.length === 0) throw new CliError(`${file} holds no workload`, null, EXIT.invalid);
  const { sccs, assumed } = await sccsFrom(sccFile);
  return workloads.map((workload) => {
    const found = namespaceFrom(workload.namespace, manifests);
    return { workload, around: { sccs, namespace: found.namespace, assumed: [...assumed, ...found.assumed] } };
  });
}

async function run(session: Session, reference: string | undefined, options: RecommendOptions): Promise<undefined> {
  if ((reference === undefined) === (options.filename === undefined))
    throw new CliError('name a workload of the cluster (deployment/ledger) or a file (-f FILE)', null, EXIT.usage);
  const judged =
    reference === undefined
      ? await fromFile(options.filename ?? '', options)
      : [
          {
            workload: await fromCluster(session, reference, options.namespace),
            around: await surroundingsOf(session, options.namespace),
          },
        ];
  const images = await readImages(
    judged.flatMap(({ workload: { template } }) => imagesOf(template).map(({ image }) => image)),
    options,
  );
  const results = judged.map(({ workload, around }) => ({
    workload: { kind: workload.kind, namespace: workload.namespace, name: workload.name },
    assumed: around.assumed,
    evidence: imageEvidence(workload.template, images),
    recommendation: recommend(workload.template, {
      ...factsOf(workload, around),
      ...imageFacts(workload.template, images),
    }),
  }));
  const assumed = new Set(judged.flatMap(({ around }: { around: Surroundings }) => around.assumed));
  for (const one of assumed) session.output.remark(`assumed: ${one}`);
  session.output.show(
    results.map(({ workload, assumed: from, evidence, recommendation }) => ({
      workload,
      assumed: from,
      evidence,
      ...summaryOf(recommendation),
    })),
    () =>
      results
        .map(({ workload, evidence, recommendation }) =>
          [textOf(workload, recommendation), ...evidence.map((one) => `  seen: ${evidenceSentence(one)}`)].join('\n'),
        )
        .join('\n\n'),
  );
  return undefined;
}

/** Left out of JSON: whole pods and templates, which the patch gives. */
const summaryOf = ({ stricter, ...rest }: Recommendation): object => ({
  ...rest,
  stricter: stricter.map(({ target, patch, edits, risks }) => ({ target, patch, edits, risks })),
});

/** The dimensions without their values, which fill pages; JSON has them. */
const withoutLists = (reason: string): string => reason.replace(/ \([^)]*\)/g, '');

/** What a plan says of kinds that it does not move. */
function refusalText(workload: { kind: string; name: string }, best: Remediation | undefined): string[] {
  const refused = kindViolation(workload, best?.target ?? 'TARGET');
  return refused ? [`${refused.message}. ${refused.remedy}`] : [];
}

function textOf(workload: { kind: string; namespace: string; name: string }, found: Recommendation): string {
  const parts = [
    fields([
      ['workload', `${workload.kind} ${workload.namespace}/${workload.name}`],
      ['runs as it is under', found.leastPrivileged ?? 'no SCC'],
    ]),
  ];
  if (found.fits.length > 1)
    parts.push(
      table(
        ['scc that fits', 'pod security', 'why it comes later'],
        found.fits.map(({ scc, podSecurity }, at) => [
          scc,
          podSecurity,
          at === 0 ? 'least privileged' : withoutLists(found.reasons[at - 1] ?? ''),
        ]),
      ),
    );
  const [best] = found.stricter;
  parts.push(best ? remediationText(best) : 'No stricter SCC can be reached by a change of the template.');
  if (found.stricter.length > 1)
    parts.push(
      `Also within reach: ${found.stricter
        .slice(1)
        .map(({ target, edits }) => `${target} (${edits.length} edits)`)
        .join(', ')}.`,
    );
  parts.push(...refusalText(workload, best));
  return parts.join('\n\n');
}

export function remediationText({ target, edits, patch, risks }: Remediation): string {
  const change =
    edits.length === 0 ? `${target} admits it as it is.` : `${target} admits it after this patch of the template:`;
  const lines = [change];
  if (edits.length > 0) lines.push(stringify(patch).trimEnd().replace(/^/gm, '    '));
  for (const { name, cause, check, uncertain, containers } of risks)
    lines.push(
      `  ${uncertain ? 'may fail' : 'will fail'}: ${name}${containers.length > 0 ? ` (${containers.join(', ')})` : ''}: ${cause}. Check: ${check}`,
    );
  return lines.join('\n');
}

/** `sccctl recommend` */
export const recommendCommand = (go: Run): Command =>
  new Command('recommend')
    .description('which SCC a workload should run under, and what would let it run under a stricter one')
    .argument('[workload]', 'KIND/NAME of the cluster, such as deployment/ledger')
    .option('-f, --filename <file>', 'manifests instead of the cluster; needs no network')
    .option('--sccs <file>', 'with -f: the SCCs of the cluster; the default ones when absent')
    .option(
      '--images <hosts>',
      'also ask these registries, without credentials, what images say of themselves',
      withListed,
    )
    .option('--images-ca <file>', 'the authority by which those registries are trusted, instead of the usual ones')
    .option('-n, --namespace <namespace>', 'where the workload is', 'default')
    .action((reference: string | undefined, options: RecommendOptions) =>
      go((session) => run(session, reference, options)),
    );
