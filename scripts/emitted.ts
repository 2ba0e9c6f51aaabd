/** The codes that the sources of the product show to people: of violations, conditions and answers. */
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import ts from 'typescript';
import { root } from './packages.ts';

const SOURCES = '{apps/{cli,governance,watcher,worker},libs,workflows}/**/*.ts';
const SKIPPED = /\/(dist|node_modules|testing|codes)\/|\.(spec|fixture|bench)\.ts$|testing\.ts$|\.d\.ts$/;
const CODE = /^[A-Z][a-zA-Z]+$/;
/** Names of fields whose text is such a code. */
const FIELDS: ReadonlySet<string> = new Set(['code']);
/** Functions that take one first. */
const MAKERS: ReadonlySet<string> = new Set(['violation']);

/** The texts that an expression can become: those of both branches of a condition, not of what it compares. */
function textsOf(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return textsOf(node.expression);
  if (ts.isConditionalExpression(node)) return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  if (ts.isBinaryExpression(node)) return [...textsOf(node.left), ...textsOf(node.right)];
  return [];
}

const literal = (node: ts.Node | undefined): string | undefined =>
  node && ts.isStringLiteralLike(node) ? node.text : undefined;

/** The reason of a condition that is written as `[type, status, reason, …]`. */
function ofTuple({ elements }: ts.ArrayLiteralExpression): string[] {
  const [type, status, reason] = elements;
  const isStatus = (node: ts.Node | undefined): boolean => ['True', 'False'].includes(literal(node) ?? '');
  return isStatus(status) && !isStatus(type) && reason ? textsOf(reason) : [];
}

/** The reason of a condition that is written as an object with type, status and reason. */
function ofObject({ properties }: ts.ObjectLiteralExpression): string[] {
  const found = new Map(
    properties.filter(ts.isPropertyAssignment).map(({ name, initializer }) => [name.getText(), initializer]),
  );
  const reason = found.get('reason');
  return found.has('type') && found.has('status') && reason ? textsOf(reason) : [];
}

/** The codes that one source makes. */
export function codesMadeIn(text: string): Set<string> {
  const made: string[] = [];
  const look = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && FIELDS.has(node.name.getText())) made.push(...textsOf(node.initializer));
    if (ts.isCallExpression(node) && MAKERS.has(node.expression.getText()) && node.arguments[0])
      made.push(...textsOf(node.arguments[0]));
    if (ts.isArrayLiteralExpression(node)) made.push(...ofTuple(node));
    if (ts.isObjectLiteralExpression(node)) made.push(...ofObject(node));
    node.forEachChild(look);
  };
  look(ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true));
  return new Set(made.filter((code) => CODE.test(code)));
}

/** Every code that a source of the product makes, with the files. */
export async function emittedCodes(): Promise<Map<string, string[]>> {
  const files = new Map<string, string[]>();
  for await (const file of glob(SOURCES, { cwd: root, exclude: (name) => /^(dist|node_modules)$/.test(name) })) {
    if (SKIPPED.test(file)) continue;
    for (const code of codesMadeIn(await readFile(path.join(root, file), 'utf8')))
      files.set(code, [...(files.get(code) ?? []), file]);
  }
  return files;
}
