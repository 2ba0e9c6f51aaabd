import type { RuleViolation } from './violation.js';

/** Sentences that one decision keeps, over all SCCs that it tries. */
export const MAX_SENTENCES = 100;
/** Characters of the sentences of one decision. */
export const MAX_CHARACTERS = 32 * 1024;
/** Violations that a decision keeps of each SCC. */
export const MAX_VIOLATIONS = 100;
/** Characters of one value or name inside a sentence; a longer one is cut. */
const MAX_QUOTED = 1000;
const MAX_SENTENCE = 4 * MAX_QUOTED;

/** A text of a pod as it may stand in a sentence. */
export const clip = (text: string, limit = MAX_QUOTED): string =>
  text.length > limit ? `${text.slice(0, limit)}…` : text;

/** Some items of a list, as many as fit into a sentence. */
function clipList(items: readonly unknown[]): string {
  let text = '';
  for (const [index, item] of items.entries()) {
    const next = `${index > 0 ? ', ' : ''}${clip(String(item))}`;
    if (text.length + next.length > MAX_QUOTED) return `${text}, …`;
    text += next;
  }
  return text;
}

/** Renders a value as OpenShift's field errors do: a missing one is the text "null", and groups are of a Go type. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return '"null"';
  if (Array.isArray(value)) return `[]int64{${clipList(value)}}`;
  return JSON.stringify(typeof value === 'string' ? clip(value) : value);
}

/**
 * OpenShift's sentences about one request, each once and in its order. It keeps the first ones and counts the others,
 * so that neither memory nor work grows with what a pod makes OpenShift repeat.
 */
export class Sentences {
  private readonly kept = new Set<string>();
  /** Not looked at yet, and few enough that none of them is the one that finds no room. */
  private readonly waiting: string[] = [];
  private waitingCharacters = 0;
  private left = MAX_CHARACTERS;
  private full = false;
  private omitted = 0;

  get isFull(): boolean {
    return this.full;
  }

  add(sentence: string): void {
    if (this.full) {
      this.omitted += 1;
      return;
    }
    // Most decisions end with an SCC that fits, and never look at the sentences: comparing them can wait.
    const text = clip(sentence, MAX_SENTENCE);
    this.waiting.push(text);
    this.waitingCharacters += text.length;
    if (this.kept.size + this.waiting.length > MAX_SENTENCES || this.waitingCharacters > this.left) this.settle();
  }

  private settle(): void {
    for (const text of this.waiting) this.keep(text);
    this.waiting.length = 0;
    this.waitingCharacters = 0;
  }

  private keep(text: string): void {
    if (this.full) {
      this.omitted += 1;
      return;
    }
    if (this.kept.has(text)) return;
    this.full = this.kept.size === MAX_SENTENCES || text.length > this.left;
    if (this.full) this.omitted += 1;
    else {
      this.kept.add(text);
      this.left -= text.length;
    }
  }

  /** Counts sentences that are not made because they would find no room. */
  omit(count: number): void {
    this.omitted += count;
  }

  /** The kept lines, and one sentence on how many more there are; repetitions among the latter count each time. */
  list(): string[] {
    this.settle();
    return this.omitted > 0 ? [...this.kept, `… and ${this.omitted} more`] : [...this.kept];
  }
}

/** The objections of one SCC to one pod. */
export class RuleFindings {
  readonly violations: RuleViolation[] = [];
  /** Violations beyond the limit. */
  omitted = 0;

  readonly #limit: number;
  readonly #sentences: Sentences | undefined;

  /** @param limit violations to keep; @param sentences where OpenShift's sentences go, if they are wanted */
  constructor(limit: number, sentences?: Sentences) {
    this.#limit = limit;
    this.#sentences = sentences;
  }

  /** Whether nothing more would be kept: what is reported from now on need not carry texts. */
  get isFull(): boolean {
    return this.violations.length >= this.#limit && this.#sentences?.isFull !== false;
  }

  /** Records a violation; `quietly` when OpenShift says its sentence at another place. */
  report(violation: RuleViolation, quietly = false): void {
    if (this.violations.length < this.#limit) this.violations.push(violation);
    else this.omitted += 1;
    if (!quietly) this.#sentences?.add(violation.message);
  }

  say(sentence: () => string): void {
    if (!this.#sentences) return;
    if (this.#sentences.isFull) this.#sentences.omit(1);
    else this.#sentences.add(sentence());
  }

  /** Says one sentence for each item; items that find no room any more are only counted. */
  sayEach<T>(items: readonly T[], sentence: (item: T) => string): void {
    const sentences = this.#sentences;
    if (!sentences) return;
    for (const [index, item] of items.entries()) {
      if (sentences.isFull) {
        sentences.omit(items.length - index);
        return;
      }
      sentences.add(sentence(item));
    }
  }

  /** Counts a violation that finds no room. */
  omit(): void {
    this.omitted += 1;
    this.#sentences?.omit(1);
  }
}
