/** Names that packages export: each is declared in one place, so that it has one meaning. */
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';
import { root } from './packages.ts';

export interface SourceText {
  /** From the repository's root. */
  readonly file: string;
  readonly text: string;
}

const SOURCES = '{apps,libs,workflows,dev,bench,scripts}/**/*.ts';
/** `apps/console/src/node` stands for modules of Node in a browser: its names are Node's. */
const SKIPPED = /\/(dist|node_modules)\/|\.(spec|fixture|bench)\.ts$|\.d\.ts$|^apps\/console\/src\/node\//;

const isExported = (node: ts.Statement): boolean =>
  ts.canHaveModifiers(node) &&
  (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false);

const importedBy = (node: ts.Statement): string[] =>
  ts.isImportDeclaration(node) && node.importClause?.namedBindings && ts.isNamedImports(node.importClause.namedBindings)
    ? node.importClause.namedBindings.elements.map(({ name }) => name.text)
    : [];

/** Names that a statement declares for other files; names that it only hands on are declared elsewhere. */
function exportedBy(node: ts.Statement, imported: ReadonlySet<string>): string[] {
  if (ts.isExportDeclaration(node) && node.exportClause && ts.isNamedExports(node.exportClause))
    return node.exportClause.elements
      .filter(({ name, propertyName }) => propertyName ?? (!node.moduleSpecifier && !imported.has(name.text)))
      .map(({ name }) => name.text);
  if (!isExported(node)) return [];
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.map(({ name }) => name.getText());
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node);
  return isNamed && node.name ? [node.name.text] : [];
}

/** The exported names that more than one file declares, with these files. */
export function declaredTwice(sources: readonly SourceText[]): Map<string, string[]> {
  const files = new Map<string, Set<string>>();
  for (const { file, text } of sources) {
    const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    const imported = new Set(statements.flatMap(importedBy));
    for (const name of statements.flatMap((node) => exportedBy(node, imported)))
      files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  return new Map([...files].filter(([, { size }]) => size > 1).map(([name, found]) => [name, [...found].sort()]));
}

async function sourcesOfAll(): Promise<SourceText[]> {
  const sources: SourceText[] = [];
  for await (const file of glob(SOURCES, { cwd: root, exclude: (name) => /^(dist|node_modules)$/.test(name) }))
    if (!SKIPPED.test(file)) sources.push({ file, text: await readFile(path.join(root, file), 'utf8') });
  return sources;
}

if (import.meta.main) {
  const twice = declaredTwice(await sourcesOfAll());
  for (const [name, files] of twice)
    console.log(
      `${name} is exported by ${files.join(' and ')}: import the one from the other where they mean the same, and rename one where they do not`,
    );
  process.exitCode = twice.size > 0 ? 1 : 0;
}
