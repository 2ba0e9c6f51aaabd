import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './packages.ts';
import type { CommandPart } from './parts.ts';
import { jestResults, junitResults } from './results.ts';

/** The result of one round, as numbers that add up over the rounds: tests, requests, failed. */
export type Figures = Record<string, number>;

/** One round of a part: its command, and how to read what it wrote. */
interface Round {
  command: Pick<CommandPart, 'command' | 'args' | 'env'>;
  figures: () => Promise<Figures>;
}

export interface VerifyPart {
  name: string;
  /** The work, for the table. */
  what: string;
  rounds: number;
  /** The round counts from 1; `report` is a file of its own that the command may write. */
  round: (round: number, report: string) => Round;
}

/** Far beyond what a suite takes at a large scale: what hangs for a day must not hold the run for ever. */
const TEST_TIMEOUT_MS = 24 * 60 * 60_000;
const DEMO_SECONDS = 60;
/** What the tests of crashes call those of strategies without a canary. */
const ONE_BY_ONE = 'processes that fail while pods move one by one';
const DEMO_RATE = 1_000;

function jest(projects: readonly string[], suites: readonly string[], report: string, env: NodeJS.ProcessEnv): Round {
  const args = [
    ...['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js', ...suites],
    ...['--selectProjects', ...projects, '--testTimeout', String(TEST_TIMEOUT_MS)],
    ...['--json', '--outputFile', report, '--runInBand'],
  ];
  return {
    command: { command: 'node', args, env },
    figures: async () => {
      const { passed, failed } = await jestResults(report);
      return { tests: passed + failed, failed };
    },
  };
}

/** A script that writes its figures as JSON: how many it looked at, under that name, and how many failed. */
const script = (file: string, report: string, counted: string): Round => ({
  command: { command: 'node', args: [file, '--report', report] },
  figures: async () => {
    const text = await readFile(report, 'utf8').catch(() => null);
    return text === null ? { [counted]: 0, failed: 1 } : (JSON.parse(text) as Figures);
  },
});

const seeded = (scale: number, round: number): NodeJS.ProcessEnv => ({
  SCC_TEST_SCALE: String(scale),
  SCC_TEST_SEED: String(round),
});

/** Suites whose cases are drawn, at a multiple of their size in the gate, with another seed in each round. */
const drawn = (name: string, what: string, suites: readonly string[], scale: number): VerifyPart => ({
  name,
  what: `${what}, ${scale} × the gate's size, a seed per round`,
  rounds: 5,
  round: (round, report) => jest(['unit', 'integration'], suites, report, seeded(scale, round)),
});

interface DemoReport {
  scenarios: { requests: number; failed: number; differences: unknown[]; leftovers: unknown[] }[];
}

function demo(report: string, options: readonly string[] = []): Round {
  return {
    command: { command: 'node', args: ['dev/dist/demo/main.js', '--json', report, ...options] },
    figures: async () => {
      const text = await readFile(report, 'utf8').catch(() => '{"scenarios":[]}');
      const { scenarios } = JSON.parse(text) as DemoReport;
      const sum = (of: (scenario: DemoReport['scenarios'][number]) => number): number =>
        scenarios.reduce((total, scenario) => total + of(scenario), 0);
      return {
        migrations: scenarios.length,
        requests: sum(({ requests }) => requests),
        failed: sum(({ failed }) => failed),
        'left behind': sum(({ differences, leftovers }) => differences.length + leftovers.length),
      };
    },
  };
}

/** Every part of `npm run verify`, the quick ones first. `corpus` is a file of recorded SCC decisions. */
export function verifyParts(corpus: string | undefined): VerifyPart[] {
  if (corpus !== undefined && !existsSync(corpus)) throw new Error(`--corpus: there is no file ${corpus}`);
  const recorded: VerifyPart = {
    name: 'corpus',
    what: 'SCC decisions as OpenShift recorded them',
    rounds: 1,
    round: (_round, report) =>
      jest(['unit'], ['libs/scc/src/admission/conformance'], report, { SCC_TEST_CASES: corpus }),
  };
  return [
    ...(corpus === undefined ? [] : [recorded]),
    drawn(
      'registry',
      'registry, pod tracking and pods agree at every sampled moment of edits, rollouts and restarts of governance',
      ['registry/agreement'],
      200,
    ),
    drawn('scc', 'properties of SCC decisions and remedies', ['libs/scc/src/admission', 'libs/scc/src/migration'], 50),
    drawn('risk', 'properties of the risk model and worlds whose truth is known', ['libs/risk/src'], 5),
    drawn('audit', 'canonical form against a second implementation', ['libs/audit/src/canonical'], 200),
    drawn('reviews', 'JSON patches and quick checks of the webhook', ['libs/admission/src/review'], 100),
    drawn(
      'webhook',
      'hostile reviews, and patches that are minimal and repeatable',
      ['libs/admission/src/testing/(fuzz|requirements)'],
      2,
    ),
    {
      name: 'api',
      what: 'every operation of the API, fuzzed with 500 examples, a seed per round',
      rounds: 5,
      round: (round, report) => ({
        command: {
          command: 'node',
          args: ['scripts/fuzz-api.ts', '--examples', '500', '--seed', String(round), '--junit', report],
        },
        figures: async () => {
          const { passed, failed } = await junitResults(report);
          return { operations: passed + failed, failed };
        },
      }),
    },
    {
      name: 'manifests',
      what: 'what the chart renders, in every combination, against the types of Kubernetes 1.30 to 1.36, OpenShift, the Prometheus operator and cert-manager',
      rounds: 1,
      round: (_round, report) => script('scripts/manifests.ts', report, 'objects'),
    },
    {
      name: 'alerts',
      what: 'the alerts as the chart renders them, by promtool: syntax, and each of them silent before its time and alone at it',
      rounds: 1,
      round: (_round, report) => script('scripts/alerts.ts', report, 'tests'),
    },
    {
      name: 'image',
      what: 'the image of deploy/docker/Dockerfile as buildah builds it, and each of its programs as any uid of group 0',
      rounds: 1,
      round: (_round, report) => script('scripts/image.ts', report, 'programs'),
    },
    {
      name: 'helm3',
      what: 'docs/INSTALL.md from an empty cluster to a completed migration and back, by Helm 3',
      rounds: 1,
      round: (_round, report) => jest(['e2e'], ['helm\\.e2e'], report, { SCC_TEST_HELM: '3' }),
    },
    drawn('many pods', 'workloads of 50 ordinals and of 100 nodes that move one by one', ['migration/many-pods'], 10),
    drawn(
      'campaigns',
      'campaigns whose workers are replaced in each of their waves; no plan is created twice, none is forgotten',
      ['migration/campaign\\.int'],
      5,
    ),
    drawn('mutants', 'plans of every shape by somebody without rights', ['governance/src/engine/mutants'], 7),
    {
      name: 'mutants on a cluster',
      what: '10,000 plans by a user who may only create plans, on the whole stack; no object changes',
      rounds: 1,
      round: (round, report) => jest(['e2e'], ['authority\\.e2e', '-t', 'any plans of'], report, seeded(34, round)),
    },
    {
      name: 'campaign on a cluster',
      what: 'a campaign of 60 workloads under load with two failures; worker, governance and Temporal killed in each wave',
      rounds: 1,
      round: (round, report) =>
        jest(['e2e'], ['authority\\.e2e', '-t', 'a campaign of many workloads'], report, seeded(10, round)),
    },
    {
      name: 'crashes',
      what: 'each process at each step killed, stopped for a minute, or with a fifth of its writes answered badly; two workers',
      rounds: 3,
      round: (round, report) => jest(['e2e'], ['crashes\\.e2e', '-t', `^(?!${ONE_BY_ONE})`], report, seeded(2, round)),
    },
    {
      name: 'crashes one by one',
      what: 'each process killed or stopped at each step of the strategies without a canary: ordinals, nodes, one pod first, the next run; acknowledged writes are kept',
      rounds: 1,
      round: (round, report) => jest(['e2e'], ['crashes\\.e2e', '-t', ONE_BY_ONE], report, seeded(2, round)),
    },
    {
      name: 'routers',
      what: 'the contract of each router, its process ended after every one of its writes, Replicas included, on real API servers, proxies and pods',
      rounds: 3,
      round: (_round, report) => jest(['e2e'], ['routers/routers\\.e2e'], report, {}),
    },
    {
      name: 'shares',
      what: 'each router at 300 requests a second: the share that clients see of 20,000 requests at each weight, and a rollout that fails at 100 %',
      rounds: 1,
      round: (round, report) => jest(['e2e'], ['routers/shares\\.e2e'], report, seeded(2, round)),
    },
    {
      name: 'kube-proxy',
      what: 'a plain Service that the kernel divides, by kube-proxy in nftables mode: new connections by their share, long-lived ones on their pods',
      rounds: 1,
      round: (round, report) => jest(['e2e'], ['routers/kube-proxy\\.e2e'], report, seeded(2, round)),
    },
    {
      name: 'campaign in numbers',
      what: 'the bench of campaigns on the whole stack, of 4 and of 8 plans',
      rounds: 1,
      round: (_round, report) => ({
        command: {
          ...{ command: 'node', args: ['bench/dist/run.js', '--only', 'fleet', '--json', report] },
          env: { FLEET_PLANS: '4,8' },
        },
        figures: async () => {
          const results = JSON.parse(await readFile(report, 'utf8').catch(() => '[]')) as unknown[];
          return { figures: results.length, failed: results.length > 0 ? 0 : 1 };
        },
      }),
    },
    { name: 'demo', what: 'the nine migrations of the demo', rounds: 10, round: (_round, report) => demo(report) },
    {
      name: 'load',
      what: `the demo under ${DEMO_RATE} requests a second, ${DEMO_SECONDS} s before and after each plan`,
      rounds: 2,
      round: (_round, report) => demo(report, ['--rate', String(DEMO_RATE), '--seconds', String(DEMO_SECONDS)]),
    },
  ];
}

export const VERIFY_FOLDER = path.join(root, '.verify');
