import { describe, expect, it } from '@jest/globals';
import { parseImage } from './reference.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('the name of an image', () => {
  it.each<[string, string | null]>([
    ['nginx', 'registry-1.docker.io library/nginx latest docker.io/library/nginx:latest'],
    ['nginx:1.27', 'registry-1.docker.io library/nginx 1.27 docker.io/library/nginx:1.27'],
    ['bitnami/redis', 'registry-1.docker.io bitnami/redis latest docker.io/bitnami/redis:latest'],
    ['docker.io/nginx', 'registry-1.docker.io library/nginx latest docker.io/library/nginx:latest'],
    ['quay.io/a/b/c:v1', 'quay.io a/b/c v1 quay.io/a/b/c:v1'],
    ['localhost/a', 'localhost a latest localhost/a:latest'],
    ['127.0.0.1:5000/a:1', '127.0.0.1:5000 a 1 127.0.0.1:5000/a:1'],
    [`quay.io/a/b@${DIGEST}`, `quay.io a/b ${DIGEST} quay.io/a/b@${DIGEST}`],
    [`quay.io/a/b:v1@${DIGEST}`, `quay.io a/b ${DIGEST} quay.io/a/b@${DIGEST}`],
    ['', null],
    ['Nginx', null],
    ['{{ .Values.image }}', null],
    ['quay.io/a/../b', null],
    ['quay.io/a/b?x=1', null],
    ['user@quay.io/a', null],
    ['quay.io/a@sha256:1', null],
    [`quay.io/a@${DIGEST}@${DIGEST}`, null],
    ['quay.io:port/a', null],
  ])('%j', (image, expected) => {
    const at = parseImage(image);
    expect(at ? `${at.host} ${at.repository} ${at.tag} ${at.name}` : null).toBe(expected);
  });
});
