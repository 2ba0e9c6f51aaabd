import type { parse } from '@bufbuild/cel';

export type Expr = ReturnType<typeof parse>['expr'];

const MAX_NODES = 200;
const MAX_COMPREHENSION_NESTING = 2;

/** The functions of an expression: operators, and functions whose cost grows at most with the size of their input. */
const FUNCTIONS = new Set([
  ...['_&&_', '_||_', '!_', '_?_:_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in', '_in_', '_[_]', '-_'],
  ...['_+_', '_-_', '_*_', '_/_', '_%_', '@not_strictly_false', 'not_strictly_false'],
  ...['size', 'contains', 'startsWith', 'endsWith', 'matches', 'int', 'double', 'string', 'bool', 'duration'],
  ...['timestamp', 'getDate', 'getDayOfMonth', 'getDayOfWeek', 'getFullYear', 'getHours', 'getMinutes', 'getMonth'],
]);

export interface Shape {
  nodes: number;
  /** How deep comprehensions run inside each other. */
  nesting: number;
  /** Fields that are read of `params` and `variables`. */
  params: Set<string>;
  variables: Set<string>;
}

/** Why an expression is not accepted. */
export class ExpressionRefused extends Error {
  override readonly name = 'ExpressionRefused';
}

/**
 * Walks an expression and refuses what could be slow, or fail in a way that only shows with other input.
 * @throws ExpressionRefused
 */
export function inspect(expr: Expr, identifiers: readonly string[]): Shape {
  const shape: Shape = { nodes: 0, nesting: 0, params: new Set(), variables: new Set() };
  walk(expr, { known: new Set(identifiers), depth: 0, shape, isRange: false });
  return shape;
}

interface Walk {
  known: ReadonlySet<string>;
  depth: number;
  shape: Shape;
  /** Inside of what a comprehension runs over. */
  isRange: boolean;
}

function walk(expr: Expr | undefined, at: Walk): void {
  if (!expr) return;
  if (++at.shape.nodes > MAX_NODES) throw new ExpressionRefused(`has more than ${MAX_NODES} nodes`);
  const { exprKind } = expr;
  switch (exprKind.case) {
    case 'constExpr':
      break;
    case 'identExpr':
      identifier(exprKind.value.name, at);
      break;
    case 'selectExpr':
      select(exprKind.value.operand, exprKind.value.field, at);
      walk(exprKind.value.operand, at);
      break;
    case 'callExpr':
      call(exprKind.value, at);
      break;
    case 'listExpr':
      exprKind.value.elements.forEach((element) => walk(element, at));
      break;
    case 'structExpr':
      struct(exprKind.value, at);
      break;
    case 'comprehensionExpr':
      comprehension(exprKind.value, at);
      break;
    case undefined:
      throw new ExpressionRefused('has an empty node');
  }
}

function identifier(name: string, { known }: Walk): void {
  if (!known.has(name)) throw new ExpressionRefused(`knows no ${name}; known are ${[...known].join(', ')}`);
}

function select(operand: Expr | undefined, field: string, { shape }: Walk): void {
  if (operand?.exprKind.case !== 'identExpr') return;
  if (operand.exprKind.value.name === 'params') shape.params.add(field);
  if (operand.exprKind.value.name === 'variables') shape.variables.add(field);
}

type KindOf<Case extends Expr['exprKind']['case']> = Extract<
  Expr['exprKind'],
  { case: Case; value?: unknown }
>['value'];

function call({ function: name, target, args }: NonNullable<KindOf<'callExpr'>>, at: Walk): void {
  if (!FUNCTIONS.has(name)) throw new ExpressionRefused(`calls ${name}, which policies may not use`);
  // A list that is built by adding lists can be longer than any list that came in.
  if (name === '_+_' && at.isRange) throw new ExpressionRefused('iterates over a sum of lists');
  walk(target, at);
  args.forEach((argument) => walk(argument, at));
}

function struct({ messageName, entries }: NonNullable<KindOf<'structExpr'>>, at: Walk): void {
  if (messageName !== '') throw new ExpressionRefused(`makes a message ${messageName}, which policies may not use`);
  for (const { keyKind, value } of entries) {
    if (keyKind.case === 'mapKey') walk(keyKind.value, at);
    walk(value, at);
  }
}

function comprehension(value: NonNullable<KindOf<'comprehensionExpr'>>, at: Walk): void {
  const depth = at.depth + 1;
  at.shape.nesting = Math.max(at.shape.nesting, depth);
  if (depth > MAX_COMPREHENSION_NESTING)
    throw new ExpressionRefused(`runs comprehensions more than ${MAX_COMPREHENSION_NESTING} deep in each other`);
  walk(value.iterRange, { ...at, isRange: true });
  walk(value.accuInit, { ...at, isRange: false });
  const known = new Set([...at.known, value.iterVar, value.accuVar, ...(value.iterVar2 ? [value.iterVar2] : [])]);
  const inside = { ...at, known, depth, isRange: false };
  for (const part of [value.loopCondition, value.loopStep, value.result]) walk(part, inside);
}
