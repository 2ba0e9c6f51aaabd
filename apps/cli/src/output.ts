/** A text for a terminal: what others wrote into the cluster steers nothing there. */
export const printable = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, '\uFFFD');

/** Prints results: tables for people, JSON for programs. Results go to standard output, remarks to standard error. */
export class Output {
  constructor(
    readonly format: 'table' | 'wide' | 'json',
    private readonly out: (text: string) => void = (text) => void process.stdout.write(text),
    private readonly err: (text: string) => void = (text) => void process.stderr.write(text),
  ) {}

  /** Whether more columns are asked for than a terminal usually has room for. */
  get isWide(): boolean {
    return this.format === 'wide';
  }

  /** The value as JSON, or as the text that is made of it. */
  show(value: unknown, text: () => string): void {
    this.out(this.format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : `${printable(text())}\n`);
  }

  raw(text: string): void {
    this.out(text);
  }

  remark(text: string): void {
    this.err(`${text}\n`);
  }
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header.map((title) => title.toUpperCase()), ...rows];
  const widths = header.map((_title, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** `label  value` lines; absent values are left out. */
export function fields(pairs: readonly (readonly [string, string | null | undefined])[]): string {
  const present = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '');
  const width = Math.max(...present.map(([label]) => label.length));
  return present.map(([label, value]) => `${label.padEnd(width)}   ${value ?? ''}`).join('\n');
}

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;

/** A time, or between which times it lies where it was noticed late. */
export const timeBetween = (after: string | null | undefined, at: string): string =>
  after === null || after === undefined || after >= at ? at : `between ${after} and ${at}`;

const AGE_UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1000, 's'],
] as const;

/** How long ago a time was, as `kubectl` says it: `5s`, `3m`, `2h`, `4d`; `-` without a time. */
export function ageOf(time: string | null | undefined, now: Date): string {
  if (time === null || time === undefined) return '-';
  const ms = Math.max(0, now.getTime() - Date.parse(time));
  const [size, unit] = AGE_UNITS.find(([least]) => ms >= least) ?? AGE_UNITS[3];
  return `${Math.floor(ms / size)}${unit}`;
}
