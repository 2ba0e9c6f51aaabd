import { policyVerdictSchema } from '@scc/governance-api';
import { Command } from 'commander';
import { table } from '../output.js';
import type { Run, Session } from '../session.js';

interface VerdictsOptions {
  namespace?: string;
  policy?: string;
  because?: string;
  plan?: string;
  from?: string;
  to?: string;
}

async function verdicts(session: Session, options: VerdictsOptions): Promise<undefined> {
  const items = await session
    .governance()
    .list(policyVerdictSchema, { path: '/v1/policy-verdicts', query: { ...options } });
  session.output.show(items, () =>
    items.length === 0
      ? 'no policy said anything that it did not enforce'
      : table(
          ['at', 'plan', 'policy', 'rule', 'would', 'because', 'what'],
          items.map(({ evaluatedAt, plan, policy, rule, would, because, message }) => [
            ...[evaluatedAt, `${plan.namespace}/${plan.name}`, policy, rule, would, because, message],
          ]),
        ),
  );
  return undefined;
}

/** `sccctl policies verdicts` */
export function verdictsCommand(run: Run): Command {
  return new Command('verdicts')
    .description('what would have been refused, or asked for approval: bindings that warn or audit, and exceptions')
    .option('-n, --namespace <namespace>')
    .option('--policy <name>')
    .option('--because <reason>', 'warn, audit or exception')
    .option('--plan <uid>')
    .option('--from <time>', 'RFC 3339, inclusive')
    .option('--to <time>', 'RFC 3339, exclusive')
    .action((options: VerdictsOptions) => run((session) => verdicts(session, options)));
}
