/**
 * An issuer of people, run inside the stack's network. A user's groups stand after the dots of its name: olga.operator
 * is in the group operator. Prints a line once it is ready.
 *
 *   node issuer.process.ts PORT REDIRECT_URL
 */
import 'reflect-metadata';
import { startIssuer } from '@scc/governance/testing';

const [port, redirectUrl = ''] = process.argv.slice(2);
await startIssuer(redirectUrl, { port: Number(port), groupsOf: (user) => user.split('.').slice(1) });
console.log('ready');
