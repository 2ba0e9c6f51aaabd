import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver } from 'playwright-core';

/** A Chromium that npm alone brings. */
export const startBrowser = async (): Promise<Browser> =>
  driver.launch({
    executablePath: await chromium.executablePath(),
    // One process for everything is for small machines of one caller; pages of several users need their own.
    args: chromium.args.filter((argument) => !['--single-process', '--no-zygote'].includes(argument)),
    headless: true,
  });
