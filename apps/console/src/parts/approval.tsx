import { Alert, Button, Label, TextArea } from '@patternfly/react-core';
import { useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { lackOf } from '../data/rights.js';
import { useMe } from '../data/session.js';
import type { ApprovalState, ApprovalView, KnownUser, ShownMigration } from '../data/types.js';
import { problemOf } from '../data/use-load.js';
import { Course } from './course.js';
import { Way } from './labels.js';
import { Problem } from './states.js';
import { Time } from './time.js';
import { LineList } from './lines.js';

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** The change of the pod template, word for word. */
export function Diff({ diff }: { diff: ApprovalView['diff'] }) {
  if (diff.length === 0) return <p>The pod template stays as it is.</p>;
  return (
    <ul className="scc-diff">
      {diff.map(({ path, before, after }) => (
        <li key={path}>
          <div>{path}</div>
          {before === null ? null : <div className="scc-removed">{textOf(before)}</div>}
          {after === null ? null : <div className="scc-added">{textOf(after)}</div>}
        </li>
      ))}
    </ul>
  );
}

/** The rights that a plan uses, and who of those who wrote it holds them. */
export function Rights({ rights }: { rights: ApprovalView['rights'] }) {
  const { serviceAccountName, sourceSCC, targetSCC, relation, gains, losses, uses } = rights;
  return (
    <div className="scc-stack">
      <p>
        Pods run as the ServiceAccount <strong>{serviceAccountName}</strong>: <Way from={sourceSCC} to={targetSCC} />,
        which is {relation}.
      </p>
      {gains.length > 0 ? <p>It permits in addition: {gains.join(', ')}.</p> : null}
      {losses.length > 0 ? <p>It no longer permits: {losses.join(', ')}.</p> : null}
      {uses.length > 0 ? (
        <ul className="scc-list">
          {uses.map(({ right, heldBy, missingFor }) => (
            <li key={right}>
              {right}: held by {heldBy.join(', ') || 'none of them'}
              {missingFor.length > 0 ? `, missing for ${missingFor.join(', ')}` : ''}
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

const Lines = ({ title, lines }: { title: string; lines: string[] }) =>
  lines.length === 0 ? null : (
    <Alert variant="warning" isInline title={title}>
      <LineList lines={lines} />
    </Alert>
  );

/** The facts that an approver decides about, word for word. */
const Content = ({ view, strategy }: { view: ApprovalView; strategy: ShownMigration['strategy'] }) => (
  <>
    <p>
      Written by <strong>{view.author ?? 'an unknown author'}</strong>
      {view.editors.length > 0 ? `, edited by ${view.editors.join(', ')}` : ''}. Needs{' '}
      {view.needs.map(({ granted, count, role, reason }) => `${granted} of ${count} ${role} (${reason})`).join('; ') ||
        'no approval'}
      .{' '}
      {view.expiresAt === null ? null : (
        <>
          The question is open until <Time at={view.expiresAt} />.
        </>
      )}
    </p>
    <Lines title="Warnings" lines={view.warnings} />
    <Lines
      title="Violations"
      lines={view.violations.map(({ field, message, remedy }) => `${field}: ${message}. ${remedy}`)}
    />
    <Lines
      title="Changes that the target SCC does not need"
      lines={view.extras.map(({ field, kind, change }) => `${field}: ${kind} ${change}`)}
    />
    <h3>Rights</h3>
    <Rights rights={view.rights} />
    <h3>Pod template</h3>
    <Diff diff={view.diff} />
    <Course {...{ view, strategy }} />
    <p>
      These words have the hash <code className="scc-hash">{view.contentHash}</code>. Your decision is about this
      content alone.
    </p>
  </>
);

interface Props {
  migration: Pick<ShownMigration, 'uid' | 'namespace' | 'strategy'>;
  view: ApprovalView;
  /** Loads it again. */
  reload: () => void;
}

const STATUS_WORDS: Partial<Record<string, string>> = { notRequired: 'not required' };

/** How the question stands. */
const Status = ({ view: { status, by, reason } }: { view: ApprovalView }) => (
  <div className="scc-row">
    <Label color={status === 'granted' ? 'green' : status === 'pending' ? 'blue' : 'grey'}>
      {STATUS_WORDS[status] ?? status}
    </Label>
    {by.length > 0 ? <span>by {by.join(', ')}</span> : null}
    {reason === null ? null : <span className="scc-text">{reason}</span>}
  </div>
);

const Changed = ({ onRead }: { onRead: () => void }) => (
  <Alert
    variant="warning"
    isInline
    title="The plan has changed since you opened this page"
    actionLinks={
      <Button variant="link" isInline onClick={onRead}>
        I have read what stands here now
      </Button>
    }
  >
    <p>Read it again: your decision would be about the content above.</p>
  </Alert>
);

interface FormProps {
  /** Why the user may not decide; null when they may. */
  why: string | null;
  isReady: boolean;
  decide: (decision: 'approve' | 'refuse', reason: string) => void;
}

function DecisionForm({ why, isReady, decide }: FormProps) {
  const [reason, setReason] = useState('');
  const isOff = why !== null || !isReady;
  return (
    <div className="scc-stack">
      <TextArea
        aria-label="Reason of your decision"
        placeholder="Reason (kept in the audit log)"
        value={reason}
        onChange={(_event, value) => setReason(value)}
        isDisabled={why !== null}
      />
      <div className="scc-row">
        <Button isDisabled={isOff} onClick={() => decide('approve', reason.trim())}>
          Approve
        </Button>
        <Button variant="danger" isDisabled={isOff} onClick={() => decide('refuse', reason.trim())}>
          Refuse
        </Button>
        {why === null ? null : <span>{why}</span>}
      </div>
    </div>
  );
}

function reasonAgainst(me: KnownUser, namespace: string, { author, editors }: ApprovalView): string | null {
  const isOwn = author === me.name || editors.includes(me.name);
  const own = isOwn ? 'You wrote or edited this plan, so another person has to decide.' : null;
  return lackOf(me, 'approvals:decide', namespace) ?? own;
}

/** The decision about a plan, bound to the content that stands on the page. */
export function Approval({ migration: { uid, namespace, strategy }, view, reload }: Props) {
  const me = useMe();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isBusy, setBusy] = useState(false);
  // The content that the user saw when they began to read: a change meanwhile is said before a click counts.
  const [seen, setSeen] = useState(view.contentHash);
  const isChanged = seen !== view.contentHash;
  const decide = (decision: 'approve' | 'refuse', reason: string): void => {
    setBusy(true);
    setProblem(null);
    const body = { decision, contentHash: seen, ...(reason === '' ? {} : { reason }) };
    ask<ApprovalState>(`/v1/migrations/${encodeURIComponent(uid)}/approvals`, { method: 'POST', body })
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => {
        setBusy(false);
        reload();
      });
  };
  return (
    <div className="scc-stack">
      <Status view={view} />
      <Content {...{ view, strategy }} />
      {isChanged ? <Changed onRead={() => setSeen(view.contentHash)} /> : null}
      {problem ? <Problem problem={problem} /> : null}
      {view.status === 'pending' ? (
        <DecisionForm why={reasonAgainst(me, namespace, view)} isReady={!isChanged && !isBusy} decide={decide} />
      ) : null}
    </div>
  );
}
