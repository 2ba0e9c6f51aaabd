import {
  Alert,
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Skeleton,
} from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';
import type { ApiProblem } from '../data/api.js';
import { problemOf } from '../data/use-load.js';
import type { Loaded } from '../data/use-load.js';

/** Lines that stand where the content will be. */
export const Loading = ({ what }: { what: string }) => (
  <div role="status" className="scc-loading">
    <Skeleton width="40%" screenreaderText={`Loading ${what}`} />
    <Skeleton width="90%" />
    <Skeleton width="75%" />
  </div>
);

interface EmptyProps {
  title: string;
  /** The remedy for the user. */
  children: ReactNode;
  actions?: ReactNode;
}
export const Empty = ({ title, children, actions }: EmptyProps) => (
  <EmptyState titleText={title} headingLevel="h2" variant="sm">
    <EmptyStateBody>{children}</EmptyStateBody>
    {actions ? (
      <EmptyStateFooter>
        <EmptyStateActions>{actions}</EmptyStateActions>
      </EmptyStateFooter>
    ) : null}
  </EmptyState>
);

/** Remedies of a user for a refusal. */
function remedyOf({ status }: ApiProblem): string {
  if (status === 0) return 'Check your network and that governance runs. This page tries again by itself.';
  if (status === 401) return 'Sign in again.';
  if (status === 403) return 'Ask an admin for a role that has it, then load this page again.';
  if (status === 404) return 'It may have been removed, or the address is wrong. Go back to the list.';
  if (status === 409 || status === 412) return 'Load it again and decide about what stands there now.';
  if (status === 429) return 'Wait a moment. This page tries again by itself.';
  if (status >= 500)
    return 'This page tries again by itself. If it stays so, ask an operator for the log of governance.';
  return 'Correct what is named above and try again.';
}

export function Problem({ problem, onRetry }: { problem: ApiProblem; onRetry?: () => void }) {
  return (
    <Alert
      variant={problem.status === 403 ? 'info' : 'danger'}
      isInline
      title={problem.problem.title}
      actionLinks={
        onRetry ? (
          <Button variant="link" isInline onClick={onRetry}>
            Try again
          </Button>
        ) : null
      }
    >
      {problem.problem.detail ? <p>{problem.problem.detail}</p> : null}
      {problem.problem.errors.length > 0 ? (
        <ul>
          {problem.problem.errors.map(({ field, message }) => (
            <li key={`${field} ${message}`}>
              <code>{field}</code> {message}
            </li>
          ))}
        </ul>
      ) : null}
      <p>{remedyOf(problem)}</p>
    </Alert>
  );
}

/** Shows that a page failed, instead of an empty one. */
export class Guarded extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: null as unknown };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return <Problem problem={problemOf(error)} onRetry={() => window.location.reload()} />;
  }
}

interface ShownProps<Value> {
  loaded: Loaded<Value> & { reload: () => void };
  what: string;
  children: (value: Value) => ReactNode;
}

/** Shows what is loaded, or why it is not. */
export function Shown<Value>({ loaded, what, children }: ShownProps<Value>) {
  if (loaded.state === 'loading') return <Loading what={what} />;
  if (loaded.state === 'failed') return <Problem problem={loaded.problem} onRetry={loaded.reload} />;
  return (
    <>
      {loaded.stale ? <Problem problem={loaded.stale} onRetry={loaded.reload} /> : null}
      {children(loaded.value)}
    </>
  );
}
