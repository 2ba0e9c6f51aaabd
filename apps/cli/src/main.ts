#!/usr/bin/env node
import { readEnvironment } from './config.js';
import { main } from './program.js';

process.exitCode = await main(process.argv.slice(2), readEnvironment());
