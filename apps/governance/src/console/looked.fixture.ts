import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from '@jest/globals';
import { seriousFindings, type WatchedPage } from './browser.fixture.js';

/** A page that has loaded all that it shows is found accessible and free of faults. @param kept the folder of its picture; undefined for none */
export async function looked({ page, faults }: WatchedPage, name: string, kept: string | undefined): Promise<void> {
  await page.locator('.pf-v6-c-skeleton').first().waitFor({ state: 'detached' });
  if (kept !== undefined) {
    await mkdir(kept, { recursive: true });
    // The content scrolls by itself: the window is made as high as all of it.
    const size = page.viewportSize() ?? { width: 1280, height: 900 };
    const height = await page.evaluate<number>(
      `Math.max(innerHeight, 160 + (document.querySelector('#main')?.scrollHeight ?? 0))`,
    );
    await page.setViewportSize({ ...size, height });
    await page.screenshot({ path: path.join(kept, `${name}.png`) });
    await page.setViewportSize(size);
  }
  expect(await seriousFindings(page)).toEqual([]);
  expect(faults).toEqual([]);
}
