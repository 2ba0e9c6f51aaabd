import { findBinaries } from './find.js';

// Tests that start single programs need them before any stack was started.
try {
  await findBinaries((line) => console.log(line));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
