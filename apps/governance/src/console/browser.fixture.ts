import { issueLeaf, type KeyPair, makeAuthority } from '@scc/tls';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';

/** A page, and what went wrong in it. */
export interface WatchedPage {
  page: Page;
  faults: string[];
}

/** A page in a browser profile of its own. */
export async function openPage(browser: Browser, size = { width: 1280, height: 900 }): Promise<WatchedPage> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: size, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|is not assignable|Warning:/.test(message.text())) faults.push(message.text());
  });
  page.on('dialog', (dialog) => {
    faults.push(`a script ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, faults };
}

export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

interface Found {
  id: string;
  impact: string | null;
  nodes: { html: string }[];
}

/** The serious findings of axe on a page. It is run beside the page, whose policy takes no script of others. */
export async function seriousFindings(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  const violations = await page.evaluate<Found[]>('axe.run().then((found) => found.violations)');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}

/** For the loopback, by an authority that only the test knows. */
export async function loopbackPair(): Promise<KeyPair> {
  const life = { now: new Date(), lifeMs: 60 * 60 * 1000 };
  const authority = await makeAuthority('console-test', life);
  const { key, certificate } = await issueLeaf(authority, { names: ['127.0.0.1'], ...life });
  return { key, certificate, authorities: authority.certificate };
}

/** Opens the page of an address behind `#`. */
export async function openAt(page: Page, url: string, heading: string | RegExp): Promise<void> {
  await page.goto(url);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}
