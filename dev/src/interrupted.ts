/** Taken when the program begins: a process that dies later is noticed, however long the start takes. */
const PARENT = process.ppid;
const LOOK_MS = 500;

/**
 * Resolves when this process is to end: a person says so by a signal, or the process that started it has ended. From then
 * on more signals change nothing: on Ctrl-C the terminal sends one, and npm another.
 */
export function interruption(): Promise<'interrupted'> {
  return new Promise((resolve) => {
    const end = (): void => resolve('interrupted');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
    setInterval(() => {
      if (process.ppid !== PARENT) end();
    }, LOOK_MS).unref();
  });
}

/** Prints what went wrong, with its causes, a line each, and ends the process. */
export function fail(error: unknown): never {
  for (let cause = error; cause instanceof Error; cause = cause.cause) console.error(cause.message);
  process.exit(1);
}
