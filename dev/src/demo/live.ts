import { frame, line, mark, type View } from './view.js';

/** Where the demo says what it does. */
export interface Live {
  show: (view: View) => void;
  /** Something that happened and stays to be read. */
  note: (text: string) => void;
  /** Leaves the last state to be read. */
  end: () => void;
}

interface Terminal {
  columns: number;
  write: (text: string) => void;
}

const clip = (text: string, columns: number): string =>
  text.length < columns ? text : `${text.slice(0, Math.max(1, columns - 2))}…`;

/** Draws the view over its last drawing; notes go above it. */
export function drawnLive(terminal: Terminal, now: () => number = Date.now): Live {
  let drawn = 0;
  let last: View | undefined;
  const erase = (): string => (drawn > 0 ? `\u001b[${drawn}A\u001b[J` : '');
  const draw = (above: string): void => {
    const lines = last ? frame(last, now()).map((text) => clip(text, terminal.columns)) : [];
    terminal.write(`${erase()}${above}${lines.map((text) => `${text}\n`).join('')}`);
    drawn = lines.length;
  };
  return {
    show: (view) => {
      last = view;
      draw('');
    },
    note: (text) => draw(`${text}\n`),
    end: () => {
      draw('');
      drawn = 0;
      last = undefined;
    },
  };
}

const EVERY_MS = 5000;

/** Prints a line when the phase or the weight changes, and every few seconds: what a log of CI can hold. */
export function printedLive(print: (text: string) => void, now: () => number = Date.now): Live {
  let printedMs = 0;
  let printedMark = '';
  let last: View | undefined;
  const put = (view: View): void => {
    const elapsed = ((now() - view.startedMs) / 1000).toFixed(1).padStart(6);
    print(`${elapsed} s  ${line(view)}`);
    printedMs = now();
    printedMark = mark(view);
  };
  return {
    show: (view) => {
      last = view;
      if (mark(view) !== printedMark || now() - printedMs >= EVERY_MS) put(view);
    },
    note: (text) => print(text),
    end: () => {
      if (last) put(last);
      last = undefined;
    },
  };
}
