import { Command } from 'commander';
import { allCodes, type Explanation, explain, similarCodes } from './codes/index.js';
import { CliError, EXIT } from './exit.js';
import { fields, table } from './output.js';
import type { Run, Session } from './session.js';

const textOf = ({ code, group, cause, remedy }: Explanation): string =>
  fields([
    ['code', code],
    ['of', group],
    ['cause', cause],
    ['remedy', remedy],
  ]);

/** @throws CliError when no part of the product shows the code. */
function show(session: Session, code: string): void {
  const found = explain(code);
  const near = similarCodes(code);
  if (found.length === 0)
    throw new CliError(
      `there is no code ${code}`,
      near.length > 0
        ? `Codes like it: ${near.join(', ')}. A policy of your own has its own message and remedy: sccctl policies verdicts.`
        : 'List all with: sccctl explain. A policy of your own has its own message and remedy: sccctl policies verdicts.',
    );
  session.output.show(found, () => found.map(textOf).join('\n\n'));
}

function list(session: Session): void {
  const all = allCodes();
  session.output.show(all, () =>
    table(
      ['code', 'of', 'cause'],
      all.map(({ code, group, cause }) => [code, group, cause]),
    ),
  );
}

/** `sccctl explain [CODE]` */
export const explainCommand = (run: Run): Command =>
  new Command('explain')
    .description('what a code means and what to do about it; every code without one. Needs no cluster')
    .argument('[code]', 'of a violation, wait, phase, condition, rule, risk or answer, such as NotAdmitted')
    .action((code: string | undefined) =>
      run((session) => {
        if (code === undefined) list(session);
        else show(session, code);
        return Promise.resolve(EXIT.ok);
      }),
    );
