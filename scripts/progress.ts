/**
 * A reporter of jest that prints each end-to-end test as it ends: such a suite takes minutes, and jest says nothing
 * before it is over.
 */
import path from 'node:path';

const SUFFIX = '.e2e.spec.ts';
const SIGNS: Readonly<Record<string, string>> = { passed: '✓', failed: '✕' };

interface TestCase {
  status: string;
  fullName: string;
  /** In milliseconds. */
  duration?: number | null;
}

export default class Progress {
  onTestCaseResult({ path: file }: { path: string }, { status, fullName, duration }: TestCase): void {
    const sign = SIGNS[status];
    if (sign === undefined || !file.endsWith(SUFFIX)) return;
    const seconds = ((duration ?? 0) / 1000).toFixed(1).padStart(6);
    process.stdout.write(`${sign} ${seconds} s  ${path.basename(file, SUFFIX)}: ${fullName}\n`);
  }
}
