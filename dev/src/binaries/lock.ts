import { mkdir, open, rm, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '../errors.js';

const REFRESH_MS = 2000;
const STALE_MS = 15_000;
const RETRY_MS = 250;

const ageMs = async (file: string): Promise<number> =>
  Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now());

/**
 * Runs `body` while no other process holds the same lock file. The holder keeps the file fresh; one that died without
 * removing it is recognised by its age, so that no crash blocks the next start.
 */
export async function withLock<T>(file: string, onWait: () => void, body: () => Promise<T>): Promise<T> {
  await mkdir(path.dirname(file), { recursive: true });
  for (let waited = false; ;) {
    const handle = await open(file, 'wx').catch((error: unknown) => {
      if (hasCode(error, 'EEXIST')) return undefined;
      throw error;
    });
    if (handle) {
      await handle.close();
      break;
    }
    if ((await ageMs(file)) > STALE_MS) await rm(file, { force: true });
    else {
      if (!waited) onWait();
      waited = true;
      await delay(RETRY_MS);
    }
  }
  const refresh = setInterval(() => {
    const now = new Date();
    void utimes(file, now, now).catch(() => undefined);
  }, REFRESH_MS);
  try {
    return await body();
  } finally {
    clearInterval(refresh);
    await rm(file, { force: true });
  }
}
