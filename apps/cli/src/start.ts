import { ConfigError } from '@scc/runtime';
import { readEnvironment } from './config.js';
import { EXIT } from './exit.js';
import { main } from './program.js';

// The reader of a pipe may leave early, as `head` does: what is left to say has no reader, and that is no error.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? EXIT.ok);
  });

try {
  process.exitCode = await main(process.argv.slice(2), readEnvironment());
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = EXIT.usage;
}
