import { readFile } from 'node:fs/promises';

export interface TestCounts {
  passed: number;
  failed: number;
}

export interface SuiteTime {
  /** The absolute path of the suite. */
  file: string;
  seconds: number;
}

/** The part of jest's `--json` report that is read. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { name: string; startTime: number; endTime: number }[];
}

const textOf = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');

/** Reads jest's JSON report; a suite that could not even run counts as one failed test. Absent: nothing was counted. */
export async function jestResults(file: string): Promise<TestCounts & { suites: SuiteTime[] }> {
  const text = await textOf(file);
  if (text === '') return { passed: 0, failed: 0, suites: [] };
  const report = JSON.parse(text) as JestReport;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    suites: report.testResults.map(({ name, startTime, endTime }) => ({
      file: name,
      seconds: (endTime - startTime) / 1000,
    })),
  };
}

/** Reads a report in the form of JUnit: the fuzzer writes one case for each operation, and one for sequences of them. */
export async function junitResults(file: string): Promise<TestCounts> {
  const text = await textOf(file);
  const cases = [...text.matchAll(/<testcase [^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)].map(([, inside = '']) => inside);
  const failed = cases.filter((inside) => /<(failure|error)[ >]/.test(inside)).length;
  const skipped = cases.filter((inside) => /<skipped[ />]/.test(inside)).length;
  return { passed: cases.length - skipped - failed, failed };
}
