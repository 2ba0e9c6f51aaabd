import { Command } from 'commander';
import { EXIT } from '../exit.js';
import { table } from '../output.js';
import type { Run, Session } from '../session.js';
import { CONFIGURATION_NAME, diagnoseWebhook, disabled, enabled } from './diagnose.js';
import { CONFIGURATION_API, configurationsOf, webhookFacts } from './facts.js';

const SYSTEM_NAMESPACE = 'scc-system';

async function doctor(session: Session): Promise<number> {
  const findings = diagnoseWebhook(await webhookFacts(await session.kube(), SYSTEM_NAMESPACE));
  session.output.show(findings, () =>
    findings.length === 0
      ? 'nothing is wrong with the webhook'
      : table(
          ['fault', 'remedy'],
          findings.map(({ fault, remedy }) => [fault, remedy]),
        ),
  );
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

async function change(session: Session, to: typeof disabled, what: string): Promise<undefined> {
  const kube = await session.kube();
  for (const configuration of await configurationsOf(kube)) {
    const changed = to(configuration);
    if (changed) await kube.replace({ ...changed, apiVersion: CONFIGURATION_API }, { fieldManager: 'sccctl' });
    session.output.remark(`${configuration.kind} ${CONFIGURATION_NAME} is ${changed ? what : `${what} already`}`);
  }
  return undefined;
}

/** `sccctl webhook` */
export const webhookCommand = (run: Run): Command =>
  new Command('webhook')
    .description('looks after the admission webhook')
    .addCommand(new Command('doctor').description('names everything that is wrong with it').action(() => run(doctor)))
    .addCommand(
      new Command('disable')
        .description('break-glass: nothing is reviewed any more until it is enabled')
        .action(() => run((session) => change(session, disabled, 'disabled'))),
    )
    .addCommand(
      new Command('enable')
        .description('undoes disable')
        .action(() => run((session) => change(session, enabled, 'enabled'))),
    );
