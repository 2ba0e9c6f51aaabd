const ESC = '\u001B[';

/** Lines no longer than a terminal is wide and no more than it is high. */
export function fitted(text: string, columns: number, rows: number): string[] {
  const lines = text.split('\n').map((line) => {
    const characters = Array.from(line);
    return characters.length > columns ? `${characters.slice(0, columns - 1).join('')}…` : line;
  });
  return lines.length > rows ? [...lines.slice(0, Math.max(0, rows - 1)), '…'] : lines;
}

interface Terminal {
  columns: number;
  rows: number;
  write: (text: string) => unknown;
}

/** Draws each picture in the place of the one before; nothing of the terminal above it is touched. */
export class Screen {
  private height = 0;

  constructor(private readonly terminal: Terminal) {}

  show(text: string): void {
    const { columns, rows } = this.terminal;
    const lines = fitted(text, columns, rows - 1);
    const up = this.height > 0 ? `${ESC}${this.height}A` : '';
    // Each line is cleared behind its end, and what was below the new picture as well.
    this.terminal.write(`${up}\r${lines.map((line) => `${line}${ESC}K\n`).join('')}${ESC}J`);
    this.height = lines.length;
  }
}
