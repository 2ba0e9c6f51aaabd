import { readFile } from 'node:fs/promises';
import { ASKED_ABOUT_NOTHING } from '@scc/plan';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';

/** One webhook of a configuration, without the authority of its certificate. */
const entrySchema = z.looseObject({
  name: z.string().min(1),
  clientConfig: z.looseObject({ caBundle: z.undefined({ error: 'is written by the webhook itself' }).optional() }),
});
export type Entry = z.infer<typeof entrySchema>;

const listSchema = z
  .array(entrySchema)
  .min(1)
  .refine((entries) => new Set(entries.map(({ name }) => name)).size === entries.length, {
    error: 'names a webhook twice',
  });
const fileSchema = z.strictObject({ mutating: listSchema, validating: listSchema });

/** The kinds that the API server is told to ask this webhook about, by kind of configuration. */
export type Entries = Readonly<Record<'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration', Entry[]>>;

/** @throws Error that names the file and the field when it cannot be read or says something else */
export async function readEntries(file: string): Promise<Entries> {
  const parsed = fileSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`, { cause: parsed.error });
  const { mutating, validating } = parsed.data;
  return { MutatingWebhookConfiguration: mutating, ValidatingWebhookConfiguration: validating };
}

export interface WrittenEntry {
  readonly [field: string]: unknown;
  readonly name: string;
  readonly clientConfig: { readonly [field: string]: unknown; readonly caBundle: string };
}

/** Entries as they are written. @param isDisabled break-glass: they stay, and match nothing */
export const writtenEntries = (
  entries: readonly Entry[],
  { bundle, isDisabled }: { readonly bundle: string; readonly isDisabled: boolean },
): WrittenEntry[] =>
  entries.map((entry) => ({
    ...entry,
    ...(isDisabled ? ASKED_ABOUT_NOTHING : {}),
    clientConfig: { ...entry.clientConfig, caBundle: Buffer.from(bundle).toString('base64') },
  }));

/** Whether an object says all that is wanted; the API server adds what was left to its defaults. */
export function says(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) && found.length === wanted.length && wanted.every((one, index) => says(found[index], one))
    );
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof found === 'object' &&
      found !== null &&
      Object.entries(wanted).every(([key, value]) => says(Reflect.get(found, key), value))
    );
  return isDeepStrictEqual(found, wanted);
}
