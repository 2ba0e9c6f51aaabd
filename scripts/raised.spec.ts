import { expect, it } from '@jest/globals';
import { typesMadeIn } from './raised.ts';

it.each([
  ['an object', "record({ type: 'GateFailed', samples });", ['GateFailed']],
  ['an object that is kept', "const event: Event = { type: 'GateFailed' };", ['GateFailed']],
  ['a type', "type Failed = Extract<Event, { type: 'GateFailed' }>;", []],
  ['a comparison', "if (event.type === 'GateFailed') stop();", []],
  ['a table of handlers', 'const CHANGES = { GateFailed: () => ({}) };', []],
])('what a source raises: %s', (_case, text, expected) => {
  expect([...typesMadeIn(text)]).toEqual(expected);
});
