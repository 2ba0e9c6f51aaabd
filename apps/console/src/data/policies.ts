import { parse, type ParseError } from 'jsonc-parser';

export interface DryRun {
  plans: number;
  concerned: number;
  refused: Tried[];
  approvalRequired: Tried[];
}
interface Tried {
  planUid: string;
  namespace: string;
  name: string;
  reasons: string[];
}

interface Fault {
  line: number;
  message: string;
}
export type PolicyText = { isPolicy: true; document: unknown } | { isPolicy: false; faults: Fault[] };

const lineAt = (text: string, position: number): number => text.slice(0, position).split('\n').length;

/**
 * Reads the text of a policy, which is JSON, and says on which line a fault is.
 * @param issues that the API named for this text, by field
 */
export function readPolicy(text: string, issues: readonly { field: string; message: string }[]): PolicyText {
  const errors: ParseError[] = [];
  const document: unknown = parse(text, errors, { disallowComments: true });
  const [first] = errors;
  if (first) return { isPolicy: false, faults: [{ line: lineAt(text, first.offset), message: 'is not JSON here' }] };
  if (issues.length === 0) return { isPolicy: true, document };
  return {
    isPolicy: false,
    faults: issues.map(({ field, message }) => ({ line: lineOf(text, field), message: `${field} ${message}` })),
  };
}

/** The line of a field such as `document.rules[1].when` or `rules.1.when`: its names are looked for one after the other. */
function lineOf(text: string, field: string): number {
  let position = 0;
  const steps = field
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.')
    .filter((step) => step !== 'document');
  for (const step of steps) {
    const found = /^\d+$/.test(step) ? nthItem(text, position, Number(step)) : text.indexOf(`"${step}"`, position);
    if (found < 0) break;
    position = found;
  }
  return lineAt(text, position);
}

/** The place of the n-th object of the list that begins behind a position. */
function nthItem(text: string, from: number, index: number): number {
  let depth = 0;
  let count = -1;
  const start = text.indexOf('[', from);
  for (let at = start; at >= 0 && at < text.length; at += 1) {
    const character = text[at];
    if (character === '{') {
      depth += 1;
      if (depth === 1 && ++count === index) return at;
    } else if (character === '}') depth -= 1;
  }
  return -1;
}
