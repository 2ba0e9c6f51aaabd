import { cp, mkdtemp, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@scc/runtime';
import { HAPROXY_MISSING, relayAddressesOf, deploySamples, startRouter, startStack, type Stack } from '../index.js';
import { drawnLive, printedLive } from './live.js';
import { fail, interruption } from '../interrupted.js';
import { parseOptions, USAGE, type DemoOptions } from './options.js';
import { play } from './player.js';
import { rehearse } from './rehearse.js';
import { problemsOf, resultsTable, type Played } from './report.js';
import type { DemoReport } from './result.js';
import { SCENARIOS } from './scenarios.js';
import { connectWorkflows } from './workflows.js';

const TEMPORAL_NAMESPACE = 'scc';
const NODES = 3;
const INTERRUPTED = 130;

const say = (text: string): void => console.log(text);

function readOptions(): DemoOptions {
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options !== 'help') return options;
    say(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** The logs go with the stack; those of a demo that did not end well are wanted. */
async function keepLogs({ stateDir }: Stack): Promise<void> {
  const kept = await mkdtemp(path.join(tmpdir(), 'scc-demo-logs-'));
  await cp(path.join(stateDir, 'logs'), kept, { recursive: true });
  console.error(`the logs of all parts are kept in ${kept}`);
}

const QUIET_SHARE = 0.7;

/** Whether most of the processor is free, measured over a second. On a busy machine the control plane needs its share. */
async function isMachineQuiet(): Promise<boolean> {
  const times = (): { idle: number; all: number } => {
    const each = cpus().map((cpu) => cpu.times);
    const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
    return { idle: sum(each.map(({ idle }) => idle)), all: sum(each.flatMap((one) => Object.values(one))) };
  };
  const before = times();
  await delay(1000);
  const after = times();
  return (after.idle - before.idle) / (after.all - before.all) >= QUIET_SHARE;
}

const steps: DemoReport['start'] = [];
function progress(step: string): void {
  const atSeconds = Number((performance.now() / 1000).toFixed(1));
  steps.push({ step, atSeconds });
  say(`${atSeconds.toFixed(1).padStart(6)} s  ${step}`);
}

/** Gates judge what OpenShift's routers count. */
const READS_ROUTER = { env: { worker: { PROMETHEUS_FLAVOUR: 'haproxy' } } };

/** @throws Error with one line that says what is missing, or what did not get ready. */
async function start({ router }: DemoOptions): Promise<Stack> {
  const background = await isMachineQuiet();
  if (background) progress('the machine is quiet: the control plane runs behind pods and proxies');
  const stack = await startStack(
    { nodes: NODES, background, ...(router === 'route' ? READS_ROUTER : {}) },
    { progress, exited: (part, detail) => console.error(`${part} ended: ${detail}`) },
  );
  try {
    if (router === 'route') {
      if (!(await startRouter(stack))) throw new Error(HAPROXY_MISSING);
      progress('HAProxy serves the Routes of OpenShift');
    }
    progress('deploying the sample shop');
    await deploySamples(stack, { router, databases: true, batch: true });
    progress(`the shop answers through the ${router === 'route' ? 'router' : 'ingress'} and through the sidecar`);
    for (const scenario of SCENARIOS.slice(0, 1)) await rehearse(stack, scenario);
    progress('the engine answered a dry run');
    progress(`follow the scenarios in the console: ${stack.addresses.governance}/`);
    return stack;
  } catch (error) {
    await keepLogs(stack);
    await stack.stop();
    throw error;
  }
}

const isRoot = process.getuid?.() === 0;

/**
 * Scenario 2 fails requests on purpose, and only the retries of a VirtualService hide that from clients; files have
 * owners only where root started the stack.
 */
const scenariosOf = ({ only, router = 'istio' }: DemoOptions) =>
  SCENARIOS.filter(({ id, needsOwners = false }) => {
    if (needsOwners && !isRoot) return false;
    return only === undefined ? router === 'istio' || id !== 2 : id === only;
  });

async function playAll(stack: Stack, options: DemoOptions): Promise<Played[]> {
  const live = process.stdout.isTTY
    ? drawnLive({ columns: process.stdout.columns, write: (text) => void process.stdout.write(text) })
    : printedLive(say);
  const workflows = await connectWorkflows(stack.addresses.temporal, TEMPORAL_NAMESPACE);
  const all: Played[] = [];
  for (const scenario of scenariosOf(options)) {
    say(`\n${scenario.id}  ${scenario.title} (${scenario.workload} → ${scenario.spec.targetSCC})`);
    all.push(await play(scenario, { stack, workflows, options, live }));
  }
  await workflows.close();
  if (!isRoot) say('\nFiles have owners of their own only where root starts the demo: without scenario 7.');
  return all;
}

async function report(all: readonly Played[], { json }: DemoOptions): Promise<boolean> {
  say(`\n${resultsTable(all)}`);
  const problems = all.flatMap((played) =>
    problemsOf(played).map((problem) => `scenario ${played.scenario.id}: ${problem}`),
  );
  const requests = all.reduce((sum, { result }) => sum + result.requests, 0);
  say(
    problems.length
      ? `\n${problems.join('\n')}`
      : `\nNone of ${requests} requests failed, and nothing was left behind.`,
  );
  if (json !== undefined) {
    const data: DemoReport = { start: steps, scenarios: all.map(({ result }) => result) };
    await writeFile(json, `${JSON.stringify(data, null, 2)}\n`);
  }
  return problems.length === 0;
}

function placesOf(stack: Stack): string {
  const { kubeconfig, stateDir, binary } = stack;
  const lines = [
    ...relayAddressesOf(stack),
    ['console', `${stack.addresses.governance}/`],
    ['kubeconfig', kubeconfig.outside],
    ['authority', `${stateDir}/tls/ca.crt`],
    ['kubectl', binary('kubectl')],
    ['temporal', binary('temporal')],
    ['logs', `${stateDir}/logs`],
  ] as const;
  return lines.map(([name, value]) => `  ${name.padEnd(12)} ${value}`).join('\n');
}

const options = readOptions();
const stack = await start(options).catch(fail);
const interrupted = interruption();
const failed = (error: unknown): number => {
  console.error(error);
  return 1;
};
const played = playAll(stack, options)
  .then((all) => report(all, options))
  .then((good) => (good ? 0 : 1), failed);
const end = await Promise.race([played, interrupted]);
if (end !== 'interrupted' && options.keep) {
  say(`\nThe stack stays up until Ctrl-C.\n\n${placesOf(stack)}`);
  await interrupted;
}
if (end === 'interrupted' || options.keep) say('\nstopping');
if (end === 1) await keepLogs(stack);
await stack.stop();
process.exit(end === 'interrupted' ? INTERRUPTED : end);
