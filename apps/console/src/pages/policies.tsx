import { Alert, Button, Label, TextArea, Title } from '@patternfly/react-core';
import { useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { lackOf, mayAnywhere } from '../data/rights.js';
import { hrefOf } from '../data/route.js';
import { useMe } from '../data/session.js';
import { type DryRun, type PolicyText, readPolicy } from '../data/policies.js';
import { problemOf, useLoad } from '../data/use-load.js';
import { Problem, Shown } from '../parts/states.js';
import { PlanLink, Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

interface PolicyVersion {
  name: string;
  version: number;
  document: { description: string };
  author: string;
  createdAt: string;
}
interface Binding {
  name: string;
  policy: string;
  version: number;
  action: string;
  rowVersion: number;
}

const Bound = ({ bindings }: { bindings: Binding[] }) =>
  bindings.length === 0 ? (
    <Label isCompact>applies nowhere</Label>
  ) : (
    <>
      {bindings.map(({ name, version, action }) => (
        <Label key={name} isCompact color={action === 'enforce' ? 'blue' : 'grey'}>
          {name}: {action}, version {version}
        </Label>
      ))}
    </>
  );

function List() {
  const loaded = useLoad(
    async (signal) => ({
      policies: (await ask<{ items: PolicyVersion[] }>('/v1/policies', { signal })).items,
      bindings: (await ask<{ items: Binding[] }>('/v1/policy-bindings', { signal })).items,
    }),
    [],
  );
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Policies</Title>
      <Shown loaded={loaded} what="the policies">
        {({ policies, bindings }) => (
          <Table columns={['Policy', 'Version', 'Applies', 'Changed']}>
            {policies.map(({ name, version, document, author, createdAt }) => (
              <tr key={name}>
                <td>
                  <a href={hrefOf(['policies', name])}>{name}</a>
                  <div>{document.description}</div>
                </td>
                <td>{version}</td>
                <td>
                  <Bound bindings={bindings.filter(({ policy }) => policy === name)} />
                </td>
                <td>
                  {author}, <Time at={createdAt} />
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Shown>
    </div>
  );
}

function Tried({ report }: { report: DryRun }) {
  const lines = [
    ...report.refused.map((plan) => ({ ...plan, what: 'would be refused' })),
    ...report.approvalRequired.map((plan) => ({ ...plan, what: 'would need an approval' })),
  ];
  return (
    <Alert variant="info" isInline title={`Tried on the ${report.plans} newest plans`}>
      {lines.length === 0 ? (
        <p>None of them would be refused or need an approval.</p>
      ) : (
        <ul>
          {lines.map(({ planUid, namespace, name, what, reasons }) => (
            <li key={`${planUid} ${what}`} className="scc-text">
              <PlanLink plan={{ uid: planUid, namespace, name }} /> {what}: {reasons.join('; ')}
            </li>
          ))}
        </ul>
      )}
    </Alert>
  );
}

/** Where a text is no policy: line by line. */
const Faults = ({ faults }: { faults: Extract<PolicyText, { isPolicy: false }>['faults'] }) => (
  <Alert variant="danger" isInline title="The text is no policy yet">
    <ul>
      {faults.map(({ line, message }) => (
        <li key={`${line} ${message}`}>
          line {line}: {message}
        </li>
      ))}
    </ul>
  </Alert>
);

interface ButtonsProps {
  /** Why the user may not change policies; null when they may. */
  why: string | null;
  isPolicy: boolean;
  isTried: boolean;
  next: number;
  onTry: () => void;
  onStore: () => void;
}

function PolicyButtons({ why, isPolicy, isTried, next, onTry, onStore }: ButtonsProps) {
  const hint = isTried
    ? 'Stored, it applies nowhere until a binding names the version.'
    : 'Try the text before you store it.';
  return (
    <div className="scc-row">
      <Button variant="secondary" isDisabled={why !== null || !isPolicy} onClick={onTry}>
        Try it on past plans
      </Button>
      <Button isDisabled={why !== null || !isTried || !isPolicy} onClick={onStore}>
        Store as version {next}
      </Button>
      <span>{why ?? hint}</span>
    </div>
  );
}

function Editor({ stored, reload }: { stored: PolicyVersion; reload: () => void }) {
  const me = useMe();
  const [text, setText] = useState(JSON.stringify(stored.document, null, 2));
  const [report, setReport] = useState<{ text: string; report: DryRun } | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = readPolicy(text, problem?.problem.errors ?? []);
  const why = lackOf(me, 'policies:write', null);
  const run = (work: Promise<void>): void => {
    setProblem(null);
    work.catch((error: unknown) => setProblem(problemOf(error)));
  };
  const dryRun = async (): Promise<void> => {
    const body = { document: read.isPolicy ? read.document : null };
    setReport({ text, report: await ask<DryRun>('/v1/policies/dry-run', { method: 'POST', body }) });
  };
  const save = async (): Promise<void> => {
    const body = read.isPolicy ? read.document : null;
    const headers = { 'if-match': `"${stored.version}"` };
    await ask(`/v1/policies/${encodeURIComponent(stored.name)}`, { method: 'PUT', body, headers });
    reload();
  };
  return (
    <div className="scc-stack">
      <TextArea
        aria-label="Text of the policy"
        className="scc-policy"
        rows={24}
        value={text}
        onChange={(_event, value) => {
          setText(value);
          setProblem(null);
        }}
        readOnly={why !== null}
        validated={read.isPolicy ? 'default' : 'error'}
      />
      {read.isPolicy ? null : <Faults faults={read.faults} />}
      {problem && read.isPolicy ? <Problem problem={problem} /> : null}
      {report ? <Tried report={report.report} /> : null}
      <PolicyButtons
        why={why}
        isPolicy={read.isPolicy}
        isTried={report?.text === text}
        next={stored.version + 1}
        onTry={() => run(dryRun())}
        onStore={() => run(save())}
      />
    </div>
  );
}

function Activation({ stored, binding, reload }: { stored: PolicyVersion; binding: Binding; reload: () => void }) {
  const me = useMe();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const why = lackOf(me, 'policies:activate', null);
  const activate = (): void => {
    const { rowVersion, ...rest } = binding;
    const kept = Object.entries(rest).filter(([key]) => !['changedBy', 'changedAt'].includes(key));
    ask(`/v1/policy-bindings/${encodeURIComponent(binding.name)}`, {
      method: 'PUT',
      body: { ...Object.fromEntries(kept), version: stored.version },
      headers: { 'if-match': `"${rowVersion}"` },
    }).then(reload, (error: unknown) => setProblem(problemOf(error)));
  };
  return (
    <div className="scc-row">
      <Bound bindings={[binding]} />
      {binding.version < stored.version ? (
        <Button variant="secondary" isDisabled={why !== null} title={why ?? undefined} onClick={activate}>
          Activate version {stored.version}
        </Button>
      ) : null}
      {problem ? <Problem problem={problem} /> : null}
    </div>
  );
}

function Policy({ name }: { name: string }) {
  const loaded = useLoad(
    async (signal) => ({
      stored: await ask<PolicyVersion>(`/v1/policies/${encodeURIComponent(name)}`, { signal }),
      bindings: (await ask<{ items: Binding[] }>('/v1/policy-bindings', { signal })).items,
    }),
    [name],
  );
  const me = useMe();
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Policy {name}</Title>
      <Shown loaded={loaded} what="the policy">
        {({ stored, bindings }) => (
          <>
            <p>
              Version {stored.version} by {stored.author}, <Time at={stored.createdAt} />
            </p>
            {bindings
              .filter(({ policy }) => policy === name)
              .map((binding) => (
                <Activation key={binding.name} stored={stored} binding={binding} reload={loaded.reload} />
              ))}
            {mayAnywhere(me, 'policies:write') ? null : <p>You may read policies and not change them.</p>}
            <Editor key={stored.version} stored={stored} reload={loaded.reload} />
          </>
        )}
      </Shown>
      <p>
        <a href={hrefOf(['policies'])}>All policies</a>
      </p>
    </div>
  );
}

export default function Policies({ name }: { name: string | null }) {
  return name === null ? <List /> : <Policy name={name} />;
}
