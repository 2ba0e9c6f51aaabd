#!/usr/bin/env node
import { nodeFault } from './node-version.js';

// Everything else is loaded when it can run: an older Node would answer with a stack.
const fault = nodeFault(process.versions.node);
if (fault === null) await import('./start.js');
else {
  process.stderr.write(`error: ${fault}\n`);
  process.exitCode = 64;
}
