import { z } from 'zod';
import { cliConfigSchema } from '@scc/cli/config';
import { governanceConfigSchema } from '@scc/governance/config';
import { watcherConfigSchema } from '@scc/watcher/config';
import { workerConfigSchema } from '@scc/worker/config';

const PROCESSES: readonly { name: string; source: string; schema: z.ZodObject }[] = [
  { name: 'worker', source: 'apps/worker', schema: workerConfigSchema },
  { name: 'watcher', source: 'apps/watcher', schema: watcherConfigSchema },
  { name: 'governance', source: 'apps/governance', schema: governanceConfigSchema },
  { name: 'sccctl', source: 'apps/cli', schema: cliConfigSchema },
];

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function defaultOf(field: z.ZodType): string {
  const absent = field.safeParse(undefined);
  if (!absent.success) return 'needed';
  if (absent.data === undefined || absent.data === '') return 'none';
  const text = typeof absent.data === 'string' ? absent.data : JSON.stringify(absent.data);
  return text === '{}' ? 'none' : `\`${text}\``;
}

const row = ([name, field]: [string, unknown]): string => {
  if (!(field instanceof z.ZodType)) throw new TypeError(`${name} has no schema`);
  return `| \`${name}\` | ${cell(defaultOf(field))} | ${cell(field.description ?? '')} |`;
};

/** The reference of every environment variable, as Markdown, from the schemas that the processes parse. */
export const environmentReference = (): string =>
  [
    '# Environment variables',
    '',
    '<!-- Generated from the configuration schemas of the processes by `npm run generate`. -->',
    '',
    'Each process parses its environment first and names every variable that is wrong at once. An empty variable counts as',
    'absent. Files with certificates, keys and tokens are read again when they change, unless a row says otherwise.',
    ...PROCESSES.flatMap(({ name, source, schema }) => [
      '',
      `## ${name}`,
      '',
      `Schema: \`${source}/src/config.ts\``,
      '',
      '| variable | default | meaning |',
      '| --- | --- | --- |',
      ...Object.entries(schema.shape).map(row),
    ]),
    '',
  ].join('\n');
