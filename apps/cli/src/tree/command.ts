import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { EXIT } from '../exit.js';
import { exitOf } from '../plan/ends.js';
import { printable } from '../output.js';
import type { Run, Session } from '../session.js';
import { draw, lineFor } from './draw.js';
import { readTree } from './read.js';
import type { Tree } from './model.js';
import { Screen } from './screen.js';

const WATCH_MS = 1000;

interface Options {
  namespace: string;
  watch: boolean;
}

/** Where each picture goes: in the place of the last one, or where that cannot be, a line for each change. */
function pictures(session: Session): (tree: Tree) => void {
  const { stdout } = process;
  if (session.output.format === 'json') return (tree) => session.output.raw(`${JSON.stringify(tree)}\n`);
  if (stdout.isTTY) {
    const screen = new Screen(stdout);
    return (tree) => screen.show(printable(draw(tree, stdout.columns)));
  }
  let last = '';
  return (tree) => {
    const line = printable(lineFor(tree));
    // The time alone is no change.
    const said = line.slice(tree.now.toISOString().length);
    if (said !== last) session.output.raw(`${line}\n`);
    last = said;
  };
}

/** Draws a migration, or goes on drawing it until it has ended. @returns 0; with `watch` only when it completed */
async function get(session: Session, name: string, { namespace, watch }: Options): Promise<number> {
  if (!watch) {
    const tree = await readTree(session, namespace, name);
    session.output.show(tree, () => draw(tree));
    return EXIT.ok;
  }
  const show = pictures(session);
  for (;;) {
    const tree = await readTree(session, namespace, name);
    show(tree);
    const end = exitOf(tree.status.phase);
    if (end !== null) return end;
    await delay(WATCH_MS);
  }
}

/** `sccctl get NAME` */
export const getCommand = (run: Run): Command =>
  new Command('get')
    .description('a migration as a tree: workload, pods with their SCC, weights, gates, the next step, events')
    .argument('<name>', 'of the plan')
    .option('-n, --namespace <namespace>', 'where the plan is', 'default')
    .option('-w, --watch', 'draw it again until it has ended; exit code 1 when it did not complete', false)
    .action((name: string, options: Options) => run((session) => get(session, name, options)));
