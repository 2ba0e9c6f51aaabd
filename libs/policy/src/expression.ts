import { celEnv, isCelError, isCelList, isCelMap, parse, plan } from '@bufbuild/cel';
import { ExpressionRefused, inspect, type Shape } from './guard.js';

/** The input of expressions: plain data in which integers are bigint, as CEL's integers are. */
export type CelData = null | boolean | string | number | bigint | CelData[] | { [key: string]: CelData };

export const MAX_LIST = 1000;
/** With two comprehensions in each other the product of the lists stays below 10⁵. */
const MAX_NESTED_LIST = 316;
const MAX_SOURCE = 4096;
/** Texts that an expression made itself and that are read again in each turn of a loop. */
const MAX_LOOPED_TEXT = 4096;

/** An expression could not be evaluated: the decision that needed it is a refusal. */
export class EvaluationFailed extends Error {
  override readonly name = 'EvaluationFailed';
  readonly source: string;

  constructor(source: string, reason: string) {
    super(`${source}: ${reason}`);
    this.source = source;
  }
}

export interface Expression {
  source: string;
  shape: Shape;
  /** @throws EvaluationFailed */
  evaluate: (input: Record<string, CelData>) => unknown;
}

/**
 * Parses an expression and checks it against the limits.
 * @throws ExpressionRefused with the reason.
 */
export function compileExpression(source: string, identifiers: readonly string[]): Expression {
  if (source.length > MAX_SOURCE) throw new ExpressionRefused(`is longer than ${MAX_SOURCE} characters`);
  const parsed = parsedOf(source);
  const shape = inspect(parsed.expr, identifiers);
  const run = plan(celEnv(), parsed.expr);
  const limit = shape.nesting > 1 ? MAX_NESTED_LIST : MAX_LIST;
  return {
    source,
    shape,
    evaluate: (input) => {
      if (shape.nesting > 0 && longest(input) > limit)
        throw new EvaluationFailed(source, `iterates over more than ${limit} items`);
      if (shape.nesting > 0 && textsOf(input['variables']).some((text) => text.length > MAX_LOOPED_TEXT))
        throw new EvaluationFailed(source, `reads a variable of more than ${MAX_LOOPED_TEXT} characters in a loop`);
      const result = run(input);
      if (isCelError(result)) throw new EvaluationFailed(source, result.message);
      return result;
    },
  };
}

function parsedOf(source: string): ReturnType<typeof parse> {
  try {
    return parse(source);
  } catch (cause) {
    throw new ExpressionRefused(`does not parse: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** @throws EvaluationFailed also when the result is not a bool. */
export function evaluateBool(expression: Expression, input: Record<string, CelData>): boolean {
  const result = expression.evaluate(input);
  if (typeof result !== 'boolean') throw new EvaluationFailed(expression.source, 'is not a bool');
  return result;
}

/** @throws EvaluationFailed also when the result is no string. */
export function evaluateString(expression: Expression, input: Record<string, CelData>): string {
  const result = expression.evaluate(input);
  if (typeof result !== 'string') throw new EvaluationFailed(expression.source, 'is not a string');
  return result;
}

const textsOf = (variables: CelData | undefined): string[] =>
  Object.values(variables ?? {}).filter((value) => typeof value === 'string');

const lengths = new WeakMap<object, number>();

/** The longest list or map in the data; remembered, because every expression of a decision reads the same data. */
export function longest(data: CelData): number {
  if (data === null || typeof data !== 'object') return 0;
  if (isCelList(data) || isCelMap(data)) return data.size;
  const known = lengths.get(data);
  if (known !== undefined) return known;
  const items = Object.values(data);
  const length = items.reduce<number>((most, item) => Math.max(most, longest(item)), items.length);
  lengths.set(data, length);
  return length;
}

/**
 * Plain JSON as CEL reads it. Integers become bigint, except below the given keys, which always hold doubles: a double
 * that happens to be whole must not change its type.
 */
export function toCelData(value: unknown, doubles: ReadonlySet<string> = new Set(), isDouble = false): CelData {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'bigint')
    return value;
  if (typeof value === 'number') return !isDouble && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map((item: unknown) => toCelData(item, doubles, isDouble));
  if (typeof value !== 'object') throw new TypeError(`policies cannot read a ${typeof value}`);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, toCelData(item, doubles, doubles.has(key))]),
  );
}
