import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver } from 'playwright-core';

/**
 * A Chromium that npm alone brings.
 * @param placed makes the program that starts it where it shall run, such as in another network
 */
export const startBrowser = async (
  placed: (program: string) => Promise<string> = (program) => Promise.resolve(program),
): Promise<Browser> =>
  driver.launch({
    executablePath: await placed(await chromium.executablePath()),
    // One process for everything is for small machines of one caller; pages of several users need their own.
    args: chromium.args.filter((argument) => !['--single-process', '--no-zygote'].includes(argument)),
    headless: true,
  });
