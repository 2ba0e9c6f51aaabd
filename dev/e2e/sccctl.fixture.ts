import { execFile } from 'node:child_process';
import path from 'node:path';
import { ROOT, type Stack } from '../src/index.js';

interface Ran {
  code: number;
  out: string;
  err: string;
}

/** Runs a built `sccctl` against a stack. @param home where it finds no settings of the caller's */
export const sccctlOn =
  (stackOf: () => Stack, home: () => string) =>
  (account: string | null, ...args: string[]): Promise<Ran> => {
    const stack = stackOf();
    const env = {
      PATH: process.env['PATH'],
      HOME: home(),
      KUBECONFIG: stack.kubeconfig.outside,
      GOVERNANCE_URL: stack.addresses.governance,
      GOVERNANCE_CA_FILE: path.join(stack.stateDir, 'tls', 'ca.crt'),
      TEMPORAL_ADDRESS: stack.addresses.temporal,
    };
    const who = account === null ? [] : ['--service-account', account];
    return new Promise((resolve) => {
      execFile(process.execPath, ['apps/cli/dist/main.js', ...who, ...args], { cwd: ROOT, env }, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
    });
  };
