import { parseArgs } from 'node:util';
import { relayAddressesOf, startStack } from './index.js';
import { fail, interruption } from './interrupted.js';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1' },
    // Parts to leave away, for instance: --without worker,watcher
    without: { type: 'string', default: '' },
    // Leaves the cluster without the product and its stores: docs/INSTALL.md can be tried on it.
    empty: { type: 'boolean', default: false },
  },
});
const STORES = ['temporal', 'postgres'];
const without = [...values.without.split(',').filter((part) => part !== ''), ...(values.empty ? STORES : [])];

const started = performance.now();
const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(5);

const stack = await startStack(
  { nodes: Number(values.nodes), empty: values.empty, parts: Object.fromEntries(without.map((part) => [part, false])) },
  {
    progress: (text) => console.log(`${seconds(performance.now() - started)} s  ${text}`),
    exited: (part, detail) => console.error(`${part} ended: ${detail}`),
  },
).catch(fail);
console.log(`\nThe stack is up after ${seconds(performance.now() - started).trim()} s.\n`);
for (const [name, address] of relayAddressesOf(stack)) console.log(`  ${name.padEnd(12)} ${address}`);
console.log(
  `  console      ${stack.addresses.governance}/\n  kubeconfig   ${stack.kubeconfig.outside}\n  authority    ${stack.stateDir}/tls/ca.crt\n  kubectl      ${stack.binary('kubectl')}\n  temporal     ${stack.binary('temporal')}\n  logs         ${stack.stateDir}/logs\n\nCtrl-C stops it and removes everything.`,
);

await interruption();
console.log('shutdown started');
await stack.stop();
process.exit(0);
