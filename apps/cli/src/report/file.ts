import { readFile } from 'node:fs/promises';
import { hashOf, REPORT_SECTIONS, signedReportSchema } from '@scc/audit';
import { messageOf } from '@scc/runtime';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError } from '../exit.js';

const MAX_CONTROLS = 500;

/** Which sections speak about which controls of a catalogue. The texts are the reader's; nothing is claimed by them. */
const mapSchema = z.strictObject({
  name: z.string().min(1).max(200),
  controls: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(64),
        text: z.string().max(500).default(''),
        sections: z.array(z.enum(REPORT_SECTIONS)).min(1),
      }),
    )
    .min(1)
    .max(MAX_CONTROLS),
});
export type ControlMap = z.infer<typeof mapSchema>;

/** The file that `sccctl report` writes: what governance signed, and the mapping whose hash the document holds. */
export const reportFileSchema = signedReportSchema.extend({ controls: mapSchema.nullable() }).strict();
export type ReportFile = z.infer<typeof reportFileSchema>;

/** @throws CliError for a file that is no mapping. */
export async function readMap(file: string): Promise<ControlMap> {
  const parsed = mapSchema.safeParse(await readYaml(file));
  if (parsed.success) return parsed.data;
  throw new CliError(
    `--map: ${file}: ${z.prettifyError(parsed.error)}`,
    'See deploy/report-maps/cis-openshift.yaml for the form.',
  );
}

async function readYaml(file: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new CliError(`--map: ${messageOf(error)}`);
  }
}

export const mapHash = (map: ControlMap | null): string | null => map && hashOf(map);

/** The only spelling of a report as JSON, so that every byte of the file counts. */
export const jsonTextOf = (file: ReportFile): string => `${JSON.stringify(file, null, 2)}\n`;
