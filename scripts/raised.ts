/** Events that the schema names and no line of the workflow raises. */
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { migrationEventSchema } from '@scc/plan';
import ts from 'typescript';
import { root } from './packages.ts';

/** The texts of `type` in the objects that a source makes; those of types and comparisons do not count. */
export function typesMadeIn(text: string): Set<string> {
  const made = new Set<string>();
  const look = (node: ts.Node): void => {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'type' && ts.isStringLiteral(node.initializer))
      made.add(node.initializer.text);
    node.forEachChild(look);
  };
  look(ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true));
  return made;
}

async function raisedByWorkflows(): Promise<Set<string>> {
  const raised: string[] = [];
  for await (const file of glob('workflows/*/*.ts', { cwd: root }))
    if (!/\.spec\.ts$|testing\.ts$/.test(file))
      raised.push(...typesMadeIn(await readFile(path.join(root, file), 'utf8')));
  return new Set(raised);
}

if (import.meta.main) {
  const raised = await raisedByWorkflows();
  const idle = migrationEventSchema.options.map(({ shape }) => shape.type.value).filter((type) => !raised.has(type));
  for (const type of idle) console.log(`${type}: libs/plan/src/events.ts names this event, and no workflow raises it`);
  process.exitCode = idle.length > 0 ? 1 : 0;
}
