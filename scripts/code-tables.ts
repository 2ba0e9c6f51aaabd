/** The codes of the product as Markdown, from the texts that `sccctl explain` shows. */
import { CODE_GROUPS, type CodeGroup } from '@scc/cli/codes';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

const tableOf = ({ codes, prefix = '' }: CodeGroup): string =>
  [
    '| code | cause | remedy |',
    '| --- | --- | --- |',
    ...Object.entries(codes).map(
      ([code, { cause, remedy }]) => `| \`${prefix}${code}\` | ${cell(cause)} | ${cell(remedy)} |`,
    ),
  ].join('\n');

const isViolation = ({ id }: CodeGroup): boolean => id === 'violation';

/** The violations of plans. */
export const violationTable = (): string => CODE_GROUPS.filter(isViolation).map(tableOf).join('\n');

/** Every other code, one section for each place where people meet them. */
export const codeTable = (): string =>
  CODE_GROUPS.filter((group) => !isViolation(group))
    .map((group) => `### ${group.title}\n\n${tableOf(group)}`)
    .join('\n\n');
