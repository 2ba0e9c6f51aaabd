import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from '../paths.js';

/** docs/INSTALL.md as a reader follows it: its blocks of commands, each by the section that it stands in. */

export interface Block {
  /** The heading above it. */
  section: string;
  language: string;
  text: string;
}

/** Every block of the page by a name, with its section and its place there; dev/e2e runs each. */
const BLOCKS = {
  'try it': ['Try it', 0],
  'the namespace': ['Prepare', 0],
  'the roles of PostgreSQL': ['Prepare', 1],
  'the Secrets of PostgreSQL': ['Prepare', 2],
  'the namespace of Temporal': ['Prepare', 3],
  'the Secrets of Temporal': ['Prepare', 4],
  'a key of the audit log': ['Prepare', 5],
  'install on Kubernetes': ['Kubernetes', 0],
  'wait for the entries': ['Kubernetes', 1],
  'install on OpenShift': ['OpenShift', 0],
  'an overlay of your own': ['Without Helm', 0],
  'install without Helm': ['Without Helm', 1],
  'uninstall without Helm': ['Without Helm', 2],
  uninstall: ['Uninstall', 0],
  'stay installed': ['Uninstall', 1],
} as const;
export type BlockName = keyof typeof BLOCKS;

export const readPage = (): Promise<string> => readFile(path.join(ROOT, 'docs', 'INSTALL.md'), 'utf8');

/** The fenced blocks of a page, in order, without the indentation of lists. */
export function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  let section = '';
  for (const [, heading, indent = '', language = '', body = ''] of page.matchAll(
    /^## (.+)$|^( *)```(\w+)\n([\s\S]*?)^ *```$/gm,
  )) {
    if (heading === undefined)
      found.push({ section, language, text: body.replace(new RegExp(`^${indent}`, 'gm'), '') });
    else section = heading;
  }
  return found;
}

/** The blocks of the page that no name stands for, and the names that stand for none. */
export function unnamed(blocks: readonly Block[]): string[] {
  const sections = Map.groupBy(blocks, ({ section }) => section);
  const places = [...sections].flatMap(([section, { length }]) =>
    Array.from({ length }, (_, index) => `${section} ${index}`),
  );
  const named = Object.values(BLOCKS).map(([section, index]) => `${section} ${index}`);
  return [...places.filter((place) => !named.includes(place)), ...named.filter((place) => !places.includes(place))];
}

/** A block's text with what a reader puts in place of the page's capitals and dots. @throws Error when there is none */
export function filledIn(
  blocks: readonly Block[],
  name: BlockName,
  values: Readonly<Record<string, string>> = {},
): string {
  const [section, index] = BLOCKS[name];
  const block = blocks.filter((one) => one.section === section)[index];
  if (!block) throw new Error(`docs/INSTALL.md has no block ${index} in its section ${section}`);
  return Object.entries(values).reduce((text, [mark, value]) => text.replaceAll(mark, value), block.text);
}
