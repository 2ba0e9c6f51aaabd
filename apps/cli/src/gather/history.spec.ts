import { describe, expect, it } from '@jest/globals';
import { opened } from './history.js';
import { redact } from './redact.js';

const payload = (value: unknown) => ({
  metadata: { encoding: 'anNvbi9wbGFpbg==' },
  data: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64'),
});

describe('a history that is gathered', () => {
  it('says what its payloads say, without the secrets in them', () => {
    const template = { containers: [{ name: 'app', env: [{ name: 'KEY', value: 'hunter2' }] }] };
    const history = { events: [{ input: { payloads: [payload({ template }), payload('no JSON')] } }] };
    expect(redact(opened(history))).toEqual({
      events: [
        {
          input: {
            payloads: [
              { template: { containers: [{ name: 'app', env: [{ name: 'KEY', value: '[removed]' }] }] } },
              'no JSON',
            ],
          },
        },
      ],
    });
  });
});
