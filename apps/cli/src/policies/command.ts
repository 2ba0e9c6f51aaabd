import { itemsSchema } from '@scc/governance-api';
import {
  policyDryRunSchema,
  policyVersionSchema,
  storedBindingSchema,
  tryCases,
  type CaseResult,
  type PolicyDocument,
  type StoredBinding,
} from '@scc/policy';
import { messageOf } from '@scc/runtime';
import { Command, InvalidArgumentError } from 'commander';
import { CliError, EXIT } from '../exit.js';
import { count, table } from '../output.js';
import type { Rest } from '../rest.js';
import type { Run, Session } from '../session.js';
import { type PolicyChange, policyChanges, likest, type Stored } from './compare.js';
import { type FileBinding, type PolicyFiles, readPolicyFiles, requireSound } from './files.js';
import { verdictsCommand } from './verdicts.js';

interface Files {
  filename: string[];
}

interface Tried extends CaseResult {
  policy: string;
  source: string;
}

/** Tries every test. @throws CliError when a test is of a policy that is not in the files */
function tried({ policies, tests }: PolicyFiles): Tried[] {
  return tests.flatMap(({ source, test }) => {
    const found = policies.find(({ policy }) => policy.document.name === test.policy);
    if (!found)
      throw new CliError(
        `${source}: policy: no policy ${test.policy} is in the files`,
        'Name its file too.',
        EXIT.invalid,
      );
    const { issues, results } = tryCases(found.policy, test);
    requireSound(issues.map(({ field, message }) => ({ source, message: `${field} ${message}` })));
    return results.map((result) => ({ ...result, policy: test.policy, source }));
  });
}

const failedOf = (results: readonly Tried[]): Tried[] => results.filter(({ faults }) => faults.length > 0);

async function soundFiles({ filename }: Files): Promise<PolicyFiles> {
  const files = await readPolicyFiles(filename);
  requireSound(files.faults);
  return files;
}

async function test({ output }: Session, options: Files): Promise<number> {
  const files = await soundFiles(options);
  const results = tried(files);
  const tested = new Set(results.map(({ policy }) => policy));
  const untested = files.policies.map(({ policy }) => policy.document.name).filter((name) => !tested.has(name));
  output.show({ results, untested }, () =>
    [
      ...results.map(({ policy, name, faults }) =>
        faults.length === 0
          ? `passed  ${policy}: ${name}`
          : [`FAILED  ${policy}: ${name}`, ...faults.map((fault) => `        ${fault}`)].join('\n'),
      ),
      ...untested.map((name) => `no test ${name}`),
      `${count(results.length, 'case')}, ${failedOf(results).length} failed`,
    ].join('\n'),
  );
  return failedOf(results).length > 0 ? EXIT.invalid : EXIT.ok;
}

async function storedIn(rest: Rest): Promise<Stored> {
  const [{ items: policies }, { items: bindings }] = await Promise.all([
    rest.ask(itemsSchema(policyVersionSchema), { method: 'GET', path: '/v1/policies' }),
    rest.ask(itemsSchema(storedBindingSchema), { method: 'GET', path: '/v1/policy-bindings' }),
  ]);
  const isNewest = ({ policy, version }: StoredBinding): boolean =>
    policies.some((newest) => newest.name === policy && newest.version === version);
  const older = bindings
    .filter((binding) => !isNewest(binding))
    .map(({ policy, version }) => `/v1/policies/${encodeURIComponent(policy)}/versions/${version}`)
    .map((path) => rest.ask(policyVersionSchema, { method: 'GET', path }));
  return { policies, older: await Promise.all(older), bindings };
}

const documentsOf = ({ policies }: PolicyFiles): PolicyDocument[] => policies.map(({ policy }) => policy.document);
const bindingsOf = ({ bindings }: PolicyFiles): FileBinding[] => bindings.map(({ binding }) => binding);

const valueText = (value: unknown): string => (value === undefined ? 'removed' : JSON.stringify(value));

const changesText = (changes: readonly PolicyChange[]): string =>
  changes
    .map(({ kind, name, change, fields }) =>
      [`${kind} ${name}: ${change}`, ...fields.map(({ field, value }) => `  ${field}: ${valueText(value)}`)].join('\n'),
    )
    .join('\n');

/** What the policies that differ would have said about past plans, where the files bind them. */
async function pastOf(rest: Rest, files: PolicyFiles, changes: readonly PolicyChange[], plans: number) {
  const differing = documentsOf(files).filter((document) =>
    changes.some(({ kind, name, change }) => kind === 'Policy' && name === document.name && change !== 'same'),
  );
  const asked = differing.map(async (document) => {
    const binding = bindingsOf(files).find(({ policy }) => policy === document.name);
    const { parameters, namespaces, kinds } = binding ?? {};
    const body = { document, binding: { parameters, namespaces, kinds }, plans };
    const report = await rest.ask(policyDryRunSchema, { method: 'POST', path: '/v1/policies/dry-run', body });
    return { policy: document.name, ...report };
  });
  return Promise.all(asked);
}

async function diff(session: Session, { past, ...options }: Files & { past?: number }): Promise<number> {
  const files = await soundFiles(options);
  const rest = session.governance();
  const changes = policyChanges(documentsOf(files), bindingsOf(files), await storedIn(rest));
  const reports = past === undefined ? [] : await pastOf(rest, files, changes, past);
  session.output.show({ changes, past: reports }, () =>
    [
      changesText(changes),
      ...reports.map(
        ({ policy, concerned, refused, approvalRequired }) =>
          `${policy}: of ${count(concerned, 'past plan')} it would have refused ${refused.length}, and asked for approval of ${approvalRequired.length}`,
      ),
    ].join('\n'),
  );
  return changes.some(({ change }) => change === 'new' || change === 'changed') ? EXIT.differs : EXIT.ok;
}

/** Replaces exactly what was compared: a policy or binding that somebody else changed meanwhile is refused. */
const replacing = (version: number | undefined): Record<string, string> =>
  version === undefined ? { 'if-none-match': '*' } : { 'if-match': `"${version}"` };

/** Stores policies, then bindings: a policy that is stored changes nothing before it is bound. */
async function apply(session: Session, options: Files): Promise<undefined> {
  const files = await soundFiles(options);
  const failed = failedOf(tried(files));
  requireSound(
    failed.flatMap(({ source, name, faults }) => faults.map((fault) => ({ source, message: `${name}: ${fault}` }))),
  );
  const rest = session.governance();
  const stored = await storedIn(rest);
  const changes = policyChanges(documentsOf(files), bindingsOf(files), stored);
  const differs = (kind: PolicyChange['kind'], name: string): boolean =>
    changes.some((one) => one.kind === kind && one.name === name && one.change !== 'same');
  const done: string[] = [];
  const newest = new Map(stored.policies.map(({ name, version }) => [name, version]));
  const versions = new Map(newest);
  try {
    for (const document of documentsOf(files)) {
      const { name } = document;
      if (!differs('Policy', name)) {
        versions.set(name, likest(document, stored)?.version ?? 0);
        continue;
      }
      const path = `/v1/policies/${encodeURIComponent(name)}`;
      const headers = replacing(newest.get(name));
      const saved = await rest.ask(policyVersionSchema, { method: 'PUT', path, body: document, headers });
      versions.set(name, saved.version);
      done.push(`policy ${name}, version ${saved.version}`);
    }
    for (const binding of bindingsOf(files)) {
      const { name, policy } = binding;
      if (!differs('PolicyBinding', name)) continue;
      const path = `/v1/policy-bindings/${encodeURIComponent(name)}`;
      const body = { ...binding, version: binding.version ?? versions.get(policy) };
      const headers = replacing(stored.bindings.find((one) => one.name === name)?.rowVersion);
      const { version, action } = await rest.ask(storedBindingSchema, { method: 'PUT', path, body, headers });
      done.push(`binding ${name}: ${action} ${policy}, version ${version}`);
    }
  } catch (error) {
    const before = done.length > 0 ? `stored before: ${done.join('; ')}` : 'nothing was stored';
    throw new CliError(`${messageOf(error)}; ${before}`, 'See sccctl policies diff, and apply again.');
  }
  session.output.show(done, () => (done.length === 0 ? 'governance has all of it already' : done.join('\n')));
  return undefined;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 2000) return value;
  throw new InvalidArgumentError('a whole number from 1 to 2000');
}

async function list(session: Session): Promise<undefined> {
  const { policies, bindings } = await storedIn(session.governance());
  session.output.show({ policies, bindings }, () =>
    table(
      ['policy', 'version', 'by', 'binding', 'action', 'of version', 'namespaces'],
      policies.flatMap(({ name, version, author }) => {
        const own = bindings.filter(({ policy }) => policy === name);
        const head = [name, String(version), author];
        if (own.length === 0) return [[...head, '-', '-', '-', '-']];
        return own.map((one) => [...head, one.name, one.action, String(one.version), one.namespaces.join(', ')]);
      }),
    ),
  );
  return undefined;
}

/** `sccctl policies …` */
export function policiesCommand(run: Run): Command {
  const policies = new Command('policies').description('policies as files, and what policies said');
  const filename = ['-f, --filename <path...>', 'files or folders with policies, bindings and tests'] as const;
  policies
    .command('list')
    .description('every policy with its newest version, and where it applies')
    .action(() => run(list));
  policies
    .command('test')
    .description('try policies on the cases beside them; needs no server')
    .requiredOption(...filename)
    .action((options: Files) => run((session) => test(session, options)));
  policies
    .command('diff')
    .description('how policies in files differ from those of governance; ends with 5 when they do')
    .requiredOption(...filename)
    .option('--past <plans>', 'ask the changed ones about that many past plans as well', wholeNumber)
    .action((options: Files & { past?: number }) => run((session) => diff(session, options)));
  policies
    .command('apply')
    .description('test policies in files, store those that differ, and bind them as the files say')
    .requiredOption(...filename)
    .action((options: Files) => run((session) => apply(session, options)));
  return policies.addCommand(verdictsCommand(run));
}
