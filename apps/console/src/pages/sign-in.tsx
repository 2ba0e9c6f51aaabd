import { ActionGroup, Alert, Button, Content, Form, FormGroup, TextInput, Title } from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { useRoute } from '../data/route.js';
import { useSession } from '../data/session.js';
import { problemOf, useLoad } from '../data/use-load.js';
import { Problem } from '../parts/states.js';
import { ThemeButton } from '../parts/theme.js';

interface Ways {
  token: boolean;
  /** Null when governance knows no issuer of people. */
  oidc: { issuer: string; start: string; name?: string } | null;
}

export default function SignIn({ ended }: { ended: boolean }) {
  const { signIn } = useSession();
  const refused = useRoute().query.get('refused');
  const ways = useLoad((signal) => ask<Ways>('/v1/sign-in', { signal }), []);
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setBusy(true);
    signIn(token.trim()).catch((error: unknown) => {
      setBusy(false);
      setProblem(problemOf(error));
    });
  };
  const oidc = ways.state === 'there' ? ways.value.oidc : null;
  return (
    <main className="scc-signin scc-stack">
      <div className="scc-row">
        <Title headingLevel="h1">Sign in to SCC migrations</Title>
        <ThemeButton />
      </div>
      {ended ? (
        <Alert variant="info" isInline title="Your session has ended">
          <p>Sign in again to go on. Nothing that you sent was lost.</p>
        </Alert>
      ) : null}
      {refused === null ? null : (
        <Alert variant="danger" isInline title="The sign-in was refused">
          <p className="scc-text">{refused}</p>
          <p>Try again; if it stays so, ask an admin.</p>
        </Alert>
      )}
      {problem ? <Problem problem={problem} /> : null}
      {oidc ? (
        <Button component="a" href={oidc.start} isBlock>
          Sign in with {oidc.name ?? new URL(oidc.issuer).host}
        </Button>
      ) : null}
      <Form onSubmit={submit}>
        <FormGroup label="Token" fieldId="token" isRequired>
          <TextInput
            id="token"
            type="password"
            autoComplete="off"
            value={token}
            onChange={(_event, value) => setToken(value)}
            isRequired
          />
        </FormGroup>
        <ActionGroup>
          <Button
            type="submit"
            variant={oidc ? 'secondary' : 'primary'}
            isDisabled={token.trim() === '' || isBusy}
            isLoading={isBusy}
          >
            Sign in with the token
          </Button>
        </ActionGroup>
      </Form>
      <Content component="p">
        A token of a ServiceAccount comes from{' '}
        <code>kubectl create token NAME -n NAMESPACE --audience scc-governance</code>, your own one on OpenShift from{' '}
        <code>oc whoami -t</code>. It is kept encrypted until you sign out.
      </Content>
    </main>
  );
}
