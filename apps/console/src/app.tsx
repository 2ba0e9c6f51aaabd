import {
  Button,
  Masthead,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSection,
  PageSidebar,
  PageSidebarBody,
  PageToggleButton,
  SkipToContent,
  Title,
} from '@patternfly/react-core';
import { BarsIcon } from '@patternfly/react-icons';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { LiveProvider } from './data/live.js';
import { mayAnywhere } from './data/rights.js';
import { hrefOf, useRoute } from './data/route.js';
import { SessionProvider, useMe, useSession } from './data/session.js';
import { Guarded, Loading, Problem } from './parts/states.js';
import { ThemeButton } from './parts/theme.js';
import { LiveMark } from './parts/live-mark.js';

const SignIn = lazy(() => import('./pages/sign-in.js'));
const Overview = lazy(() => import('./pages/overview.js'));
const Migrations = lazy(() => import('./pages/migrations.js'));
const Migration = lazy(() => import('./pages/migration.js'));
const Approvals = lazy(() => import('./pages/approvals.js'));
const Campaigns = lazy(() => import('./pages/campaigns.js'));
const Scans = lazy(() => import('./pages/scans.js'));
const Policies = lazy(() => import('./pages/policies.js'));
const Audit = lazy(() => import('./pages/audit.js'));
const Unknown = lazy(() => import('./pages/unknown.js'));

/** The pages with what a user needs to see them; what they lack is not offered, and the API refuses it all the same. */
const PAGES = [
  { part: '', title: 'Overview', needs: null },
  { part: 'migrations', title: 'Migrations', needs: 'migrations:read' },
  { part: 'campaigns', title: 'Campaigns', needs: 'migrations:read' },
  { part: 'approvals', title: 'Approvals', needs: 'approvals:read' },
  { part: 'scans', title: 'Scans', needs: 'scans:read' },
  { part: 'policies', title: 'Policies', needs: 'policies:read' },
  { part: 'audit', title: 'Audit', needs: 'audit:read' },
] as const;

const SHOWN: Readonly<Record<string, (second: string | undefined) => ReactNode>> = {
  '': () => <Overview />,
  migrations: (uid) => (uid === undefined ? <Migrations /> : <Migration uid={uid} />),
  campaigns: (name) => <Campaigns name={name ?? null} />,
  approvals: () => <Approvals />,
  scans: (id) => <Scans id={id ?? null} />,
  policies: (name) => <Policies name={name ?? null} />,
  audit: (id) => <Audit id={id ?? null} />,
};

const pageOf = ([first = '', second]: readonly string[]): ReactNode =>
  Object.hasOwn(SHOWN, first) ? SHOWN[first]?.(second) : <Unknown />;

function Navigation({ current }: { current: string }) {
  const me = useMe();
  const offered = PAGES.filter(({ needs }) => needs === null || mayAnywhere(me, needs));
  return (
    <Nav aria-label="Pages">
      <NavList>
        {offered.map(({ part, title }) => (
          <NavItem key={part} isActive={part === current} to={hrefOf(part === '' ? [] : [part])}>
            {title}
          </NavItem>
        ))}
      </NavList>
    </Nav>
  );
}

function User() {
  const { signOut } = useSession();
  const me = useMe();
  return (
    <span className="scc-user">
      <LiveMark />
      <ThemeButton />
      <span className="scc-name" title={me.roles.map(({ role, namespaces }) => `${role} in ${namespaces}`).join('\n')}>
        {me.name}
      </span>
      <Button variant="secondary" size="sm" onClick={() => void signOut()}>
        Sign out
      </Button>
    </span>
  );
}

const NARROW_PX = 1200;

function SignedIn() {
  const { parts } = useRoute();
  const [isOpen, setOpen] = useState(window.innerWidth >= NARROW_PX);
  const [current = ''] = parts;
  const key = parts.join('/');
  const title = PAGES.find(({ part }) => part === current)?.title ?? 'Unknown page';
  useEffect(() => {
    document.title = `${title} – SCC migrations`;
    if (window.innerWidth < NARROW_PX) setOpen(false);
  }, [key, title]);
  const masthead = (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton
            variant="plain"
            aria-label="Pages"
            isSidebarOpen={isOpen}
            onSidebarToggle={() => setOpen(!isOpen)}
          >
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <Title headingLevel="h2" size="lg" className="scc-brand">
          SCC migrations
        </Title>
      </MastheadMain>
      <MastheadContent>
        <User />
      </MastheadContent>
    </Masthead>
  );
  const sidebar = (
    <PageSidebar isSidebarOpen={isOpen}>
      <PageSidebarBody>
        <Navigation current={current} />
      </PageSidebarBody>
    </PageSidebar>
  );
  const skip = (
    <SkipToContent
      href="#main"
      onClick={(event) => {
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}
    >
      Skip to the content
    </SkipToContent>
  );
  return (
    <LiveProvider>
      <Page masthead={masthead} sidebar={sidebar} skipToContent={skip} mainContainerId="main">
        <PageSection key={key} aria-label={title}>
          <Guarded>
            <Suspense fallback={<Loading what={title} />}>{pageOf(parts)}</Suspense>
          </Guarded>
        </PageSection>
      </Page>
    </LiveProvider>
  );
}

function Gate() {
  const { now, retry } = useSession();
  switch (now.state) {
    case 'asking':
      return <Loading what="your session" />;
    case 'unreachable':
      return <Problem problem={now.problem} onRetry={retry} />;
    case 'out':
      return (
        <Suspense fallback={<Loading what="the sign-in" />}>
          <SignIn ended={now.ended} />
        </Suspense>
      );
    case 'in':
      return <SignedIn />;
  }
}

export const App = () => (
  <SessionProvider>
    <Gate />
  </SessionProvider>
);
