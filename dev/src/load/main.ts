import { writeFile } from 'node:fs/promises';
import { ENTRANCES, Generator } from './generator.js';
import { commandSchema, type Command, type Report, type ResolvedLoad } from './protocol.js';
import { countsOf, tally } from './records.js';

/** The load runs in a process of its own: no other work shares its event loop, so its clock is not held up. */
let running: { generator: Generator; options: ResolvedLoad } | undefined;

const tell = (report: Report): void => {
  if (process.connected) process.send?.(report);
};

function start(options: ResolvedLoad): void {
  const generator = new Generator(options, ENTRANCES);
  running = { generator, options };
  generator.records.beginWindow('start', Date.now());
  generator.start();
  let seen = 0;
  let totalFailed = 0;
  setInterval(() => {
    const all = generator.records.all;
    const fresh = all.slice(seen);
    seen = all.length;
    const counts = countsOf(fresh);
    totalFailed += counts.failed;
    const byScc = tally(fresh, ({ scc }) => scc);
    const byPod = tally(fresh, ({ pod }) => pod);
    tell({ kind: 'interval', ...counts, totalRequests: seen, totalFailed, byScc, byPod });
  }, options.intervalMs).unref();
  tell({ kind: 'started' });
}

async function handle(command: Command): Promise<void> {
  if (command.do === 'start') {
    start(command.options);
    return;
  }
  if (!running) throw new Error('the load has not started');
  const { generator, options } = running;
  const summary = () => generator.records.summarize({ open: generator.open, worstLagMs: generator.worstLagMs });
  switch (command.do) {
    case 'window':
      generator.records.beginWindow(command.label, Date.now());
      tell({ kind: 'marked', id: command.id });
      return;
    case 'summary':
      tell({ kind: 'summary', id: command.id, summary: summary() });
      return;
    case 'stop':
      await generator.stop();
      if (options.recordFile !== undefined) await writeFile(options.recordFile, generator.records.toCsv());
      process.send?.({ kind: 'summary', id: command.id, summary: summary() } satisfies Report, () => process.exit(0));
  }
}

process.on('message', (raw) => void handle(commandSchema.parse(raw)));
process.on('disconnect', () => process.exit(0));
