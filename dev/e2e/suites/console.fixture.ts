import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CALLBACK_PATH, openAt, openPage, signInByIssuer, startBrowser } from '@scc/governance/testing';
import type { PlanSpecInput } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import type { Browser, Page } from 'playwright-core';
import { parse } from 'yaml';
import { z } from 'zod';
import { NODE, type Stack } from '../../src/index.js';
import { deployCopy } from '../copy.fixture.js';
import { type Engine, longHolds, NAMESPACE, PLANS } from '../engine.fixture.js';

const ISSUER_PORT = 9555;
/** Where governance serves the console inside the stack's network. */
const CONSOLE = 'https://127.0.0.1:9443';
/** The environment of a governance whose people sign in with an issuer, which `consoled` starts. */
export const SIGNING_IN = {
  OIDC_ISSUER: `http://127.0.0.1:${ISSUER_PORT}`,
  OIDC_AUDIENCE: 'console',
  OIDC_PREFIX: '-',
  OIDC_SCOPES: 'openid groups',
  CONSOLE_URL: CONSOLE,
};
const ROLES = ['operator', 'viewer', 'approver', 'auditor'] as const;
const PATIENCE_MS = 60_000;

const planSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ dryRun: z.boolean().optional() }),
});
const createdSchema = z.looseObject({ metadata: z.looseObject({ uid: z.string() }) });
const refusalSchema = z.looseObject({ status: z.int(), text: z.string() });

interface Needed extends Pick<Engine, 'apply' | 'untilPhase'> {
  /** Asks governance as its administrator. */
  governance: (path: string, body: object) => Promise<unknown>;
}

/** People before the console of a whole stack, in a browser: each signs in with an issuer, and the cluster follows. */
export function consoled(stackOf: () => Stack, { apply, untilPhase, governance }: Needed): void {
  describe('the console', () => {
    let browser: Browser;
    let issuer: ChildProcess;
    const pages: Partial<Record<string, Page>> = {};
    const faults: string[] = [];

    beforeAll(async () => {
      const stack = stackOf();
      const program = path.join(import.meta.dirname, '..', 'issuer.process.ts');
      const args = ['--no-warnings', program, String(ISSUER_PORT), `${CONSOLE}${CALLBACK_PATH}`];
      issuer = stack.spawn(NODE, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      if (!issuer.stdout) throw new Error('the output of the issuer is not read');
      await once(createInterface({ input: issuer.stdout }), 'line');
      await stack.apply('apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: scc-system }');
      for (const role of ROLES)
        await governance('role-bindings', { role, subject: { kind: 'Group', name: role }, namespaces: '*' });
      await Promise.all(['seen', 'undone'].map((name) => deployCopy(stack, name)));
      browser = await startBrowser(async (chromium) => {
        const script = path.join(stack.stateDir, 'browser.sh');
        const words = stack.entering(chromium).map((word) => `'${word}'`);
        await writeFile(script, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
        return script;
      });
    }, 240_000);
    afterAll(async () => {
      await browser.close();
      issuer.kill();
    });

    /** The page of a person who has this role; they sign in when it is first asked for. */
    const as = async (role: (typeof ROLES)[number]): Promise<Page> => {
      const open = pages[role];
      if (open) return open;
      const watched = await openPage(browser);
      watched.page.setDefaultTimeout(PATIENCE_MS);
      await watched.page.goto(CONSOLE);
      pages[role] = watched.page;
      watched.page.on('close', () => void faults.push(...watched.faults));
      await signInByIssuer(watched.page, `pat.${role}`);
      return watched.page;
    };
    /** Says what stood on each page when something was not as expected. */
    const telling = (act: () => Promise<void>) => (): Promise<void> =>
      act().catch(async (error: unknown) => {
        const shown = Object.entries(pages).map(async ([role, page]) =>
          page ? `${role} at ${page.url()}: ${await page.locator('body').innerText()}` : '',
        );
        throw new Error(`${String(error)}\n${(await Promise.all(shown)).join('\n')}`, { cause: error });
      });
    /** Applies a text that the console gives, as its reader would with kubectl. @returns the name and uid of the plan */
    const applied = async (text: string | null, over: Partial<PlanSpecInput>) => {
      const plan = planSchema.parse(parse(text ?? ''));
      const made = await stackOf().api.create(PLANS, { ...plan, spec: { ...plan.spec, ...over } });
      return { name: plan.metadata.name, uid: createdSchema.parse(made).metadata.uid };
    };
    const follow = async (page: Page, name: string): Promise<void> => {
      // The overview names the plan, too.
      await openAt(page, `${CONSOLE}/#/migrations`, 'Migrations');
      await page.getByRole('link', { name: `${NAMESPACE}/${name}`, exact: true }).click();
      await page.getByText('live', { exact: true }).waitFor();
    };
    const readiness: PlanSpecInput['gates'] = { metrics: [], readiness: { timeout: '60s' } };

    it(
      'leads from a scan to a plan that a second person approves, while a viewer follows it to its end',
      telling(async () => {
        const operator = await as('operator');
        await operator.getByRole('link', { name: 'Scans' }).click();
        await operator.getByLabel('Namespace to scan').fill(NAMESPACE);
        await operator.getByRole('button', { name: 'Scan now' }).click();
        await operator.getByText(/\d+ workloads, held against restricted-v2/).waitFor();
        const table = operator.getByRole('region', { name: 'Workloads' });
        await table.getByRole('button', { name: `Deployment ${NAMESPACE}/seen`, exact: true }).click();
        await table.getByText('From here to a plan').waitFor();
        const textOf = (title: RegExp) => table.locator('pre').and(operator.getByLabel(title)).textContent();

        const tried = await applied(await textOf(/Try it/), {});
        await untilPhase(tried.name, 'Completed');
        await follow(operator, tried.name);
        await operator.getByText('untouched (dry run)').first().waitFor();

        await openAt(operator, `${CONSOLE}/#/scans`, 'Scans');
        await operator
          .getByRole('link', { name: /^scan \d+/ })
          .first()
          .click();
        await table.getByRole('button', { name: `Deployment ${NAMESPACE}/seen`, exact: true }).click();
        const { name, uid } = await applied(await textOf(/Do it/), {
          ...{ traffic: { mirror: { duration: '0s' }, weights: [50, 100], interval: '3s' }, gates: readiness },
          approval: { required: true },
        });

        const viewer = await as('viewer');
        await follow(viewer, name);
        await viewer.getByText(`You lack commands:grant in the namespace ${NAMESPACE}`).waitFor();
        const refused = await viewer.evaluate<unknown>(`(async () => {
        const { csrfToken } = await (await fetch('/v1/session')).json();
        const headers = { 'content-type': 'application/json', 'x-csrf-token': csrfToken };
        const body = JSON.stringify({ decision: 'approve', contentHash: 'any' });
        const answer = await fetch('/v1/migrations/${uid}/approvals', { method: 'POST', headers, body });
        return { status: answer.status, text: await answer.text() };
      })()`);
        expect(refusalSchema.parse(refused)).toMatchObject({
          status: 403,
          text: expect.stringContaining('approvals:decide') as unknown,
        });

        const approver = await as('approver');
        await openAt(approver, `${CONSOLE}/#/approvals`, 'Approvals');
        await approver.getByRole('link', { name: `${NAMESPACE}/${name}`, exact: true }).click();
        await approver.getByText('Your decision is about this content').waitFor();
        await approver.getByLabel('Reason of your decision').fill('read it word for word');
        await approver.getByRole('button', { name: 'Approve' }).click();
        await approver.getByText('by pat.approver').first().waitFor();

        // Nothing of this page was touched since before the approval.
        await viewer.getByText('50 % of requests go to the canary').first().waitFor();
        await viewer.getByText('the migrated workload serves all requests').first().waitFor();
        await viewer
          .getByRole('listitem')
          .filter({ hasText: 'Completed' })
          .and(viewer.locator('[data-state=done]'))
          .waitFor();
        expect((await untilPhase(name, 'Completed')).conditions).toContainEqual(
          expect.objectContaining({ type: 'Approved', message: expect.stringContaining('pat.approver') as unknown }),
        );
      }),
      300_000,
    );

    it(
      'rolls a migration back as an operator asks',
      telling(async () => {
        const name = 'undone';
        await apply(name, name, { traffic: longHolds });
        const operator = await as('operator');
        await follow(operator, name);
        await operator.getByText('10 % of requests go to the canary').first().waitFor();
        await operator.getByRole('button', { name: 'Roll back' }).click();
        await operator.getByLabel('Reason of the command').fill('the release is off');
        await operator.getByRole('button', { name: 'Yes, roll back' }).click();
        await operator.getByText('The migration took the command').waitFor();
        await operator.getByText('The migration is over.').waitFor();
        await untilPhase(name, 'RolledBack');
      }),
      300_000,
    );

    it(
      'finds the approval in the audit log, and proves it in the browser',
      telling(async () => {
        const auditor = await as('auditor');
        await openAt(auditor, `${CONSOLE}/#/audit`, 'Audit log');
        await auditor.getByLabel('Action', { exact: true }).fill('approval.granted');
        await auditor.getByLabel('Actor', { exact: true }).fill('pat.approver');
        await auditor.getByLabel('Name of the object', { exact: true }).fill('seen');
        const entry = auditor.getByRole('link', { name: /^number \d+/ });
        // What happened last is sealed a moment later.
        await waitFor(
          async () => {
            await auditor.getByRole('button', { name: 'Find' }).click();
            return (await entry.count()) === 1;
          },
          { timeoutMs: PATIENCE_MS, everyMs: 1000, what: 'the sealed entry' },
        );
        await entry.click();
        await auditor.getByText('Proved in this browser').waitFor();
        await auditor.getByText('read it word for word').waitFor();
        await Promise.all(browser.contexts().map((context) => context.close()));
        expect(faults).toEqual([]);
      }),
      2 * PATIENCE_MS,
    );
  });
}
