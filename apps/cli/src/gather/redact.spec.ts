import { describe, expect, it } from '@jest/globals';
import { redact, REMOVED, redactText } from './redact.js';

describe('a text that is gathered', () => {
  it.each([
    ['a token', 'got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl for it', `got ${REMOVED} for it`],
    ['a header', 'authorization: Bearer abcdef123456', `authorization: Bearer ${REMOVED}`],
    ['the user of an address', 'postgres://scc:hunter2@db:5432/scc', `postgres://${REMOVED}@db:5432/scc`],
    ['a value of a telling name', '{"password":"hunter2","user":"ana"}', `{"password":${REMOVED},"user":"ana"}`],
    ['an option', '--db-password=hunter2 --port=1', `--db-password=${REMOVED} --port=1`],
    ['a token of OpenShift', `sha256~${'a'.repeat(43)}`, REMOVED],
    ['a private key', 'x\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\ny', `x\n${REMOVED}\ny`],
    ['a private key that is cut off', '-----BEGIN RSA PRIVATE KEY-----\nMIIE', REMOVED],
  ])('is without %s', (_what, text, left) => {
    expect(redactText(text)).toBe(left);
  });

  it('keeps what only resembles one', () => {
    const text = 'the token of the worker is not accepted; tokens: 3; http://db:5432/scc; secretName tls';
    expect(redactText(text)).toBe(text.replace('tokens: 3', 'tokens: 3'));
  });
});

describe('an object that is gathered', () => {
  it('is without the content of Secrets, values of variables, telling members and copies of itself', () => {
    const object = {
      kind: 'Deployment',
      metadata: {
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"a":"hunter2"}', team: 'shop' },
      },
      spec: {
        clientSecret: 'hunter2',
        secretName: 'tls',
        containers: [
          {
            env: [
              { name: 'DATABASE', value: 'hunter2' },
              { name: 'KEY', valueFrom: { secretKeyRef: { name: 'tls', key: 'k' } } },
            ],
            args: ['--password=hunter2'],
          },
        ],
      },
      list: [{ kind: 'Secret', metadata: { name: 's' }, data: { a: 'aHVudGVyMg==' }, stringData: { a: 'hunter2' } }],
    };
    const left = redact(object);
    expect(JSON.stringify(left)).not.toMatch(/hunter2|aHVudGVyMg/);
    expect(left).toMatchObject({
      metadata: { annotations: { team: 'shop' } },
      spec: {
        secretName: 'tls',
        containers: [{ env: [{ name: 'DATABASE' }, { valueFrom: { secretKeyRef: { name: 'tls', key: 'k' } } }] }],
      },
      list: [{ metadata: { name: 's' } }],
    });
  });
});
