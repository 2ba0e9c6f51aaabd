import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { startTestAdmission } from '@scc/admission/testing';
import { grantOf } from '@scc/admission/testing';
import { collectedHeapHere, HEAP } from './collected-heap.js';

/**
 * One server of the webhook's benchmark in a process of its own: the webhook, and beside it the least that any webhook
 * in Node must do, with the same certificate.
 */
const webhook = await startTestAdmission({
  objects: Array.from({ length: 200 }, (_none, index) => grantOf('anyuid', `root-${index}`)),
});
const [key, cert] = await Promise.all(
  ['tls.key', 'tls.crt'].map((name) => readFile(path.join(webhook.tlsDir, name), 'utf8')),
);
let port = webhook.admission.port;
if (process.argv[2] === 'echo') {
  const answer = (uid: string): string =>
    JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } });
  const echo = createServer({ key, cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { request: { uid: string } };
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer(review.request.uid));
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  port = (echo.address() as AddressInfo).port;
}
process.on('message', (asked) => {
  if (asked === HEAP) {
    void collectedHeapHere().then((heap) => process.send?.({ heap }));
    return;
  }
  const { user, system } = process.cpuUsage();
  process.send?.({ rss: process.memoryUsage().rss, cpuUs: user + system });
});
process.send?.({ port, ca: webhook.authority.certificate });
