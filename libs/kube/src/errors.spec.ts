import { kubeErrorOf, isConflict, isForbidden, isGone, isMissing, isNotFound, watchErrorOf } from './errors.js';

const status = (code: number, reason: string, details: object = {}): unknown => ({
  kind: 'Status',
  status: 'Failure',
  code,
  reason,
  message: `it says ${reason}`,
  details,
});

describe('errors of the API server', () => {
  it.each<[string, (error: unknown) => boolean, number, string]>([
    ['not found', isNotFound, 404, 'NotFound'],
    ['forbidden', isForbidden, 403, 'Forbidden'],
    ['a conflict', isConflict, 409, 'Conflict'],
    ['gone', isGone, 410, 'Expired'],
  ])('tells %s', (_case, test, code, reason) => {
    const error = kubeErrorOf(code, status(code, reason), 'GET /x');
    expect(test(error)).toBe(true);
    expect(test(kubeErrorOf(500, status(500, 'InternalError'), 'GET /x'))).toBe(false);
    expect(test(new Error('404'))).toBe(false);
    expect(error).toMatchObject({ reason, status: code, message: `it says ${reason}` });
  });

  it('tells a missing object from a path that does not exist', () => {
    expect(isMissing(kubeErrorOf(404, status(404, 'NotFound', { name: 'a', kind: 'pods' }), 'GET /x'), 'a')).toBe(true);
    expect(isMissing(kubeErrorOf(404, status(404, 'NotFound', {}), 'GET /x'), 'a')).toBe(false);
    expect(isMissing(kubeErrorOf(404, '404 page not found\n', 'GET /x'), 'a')).toBe(false);
  });

  it('keeps what was said when it is no Status', () => {
    expect(kubeErrorOf(502, '<html>bad gateway</html>', 'GET /x').message).toBe(
      'GET /x: HTTP 502 <html>bad gateway</html>',
    );
  });

  it('reads the error of a watch', () => {
    expect(isGone(watchErrorOf(status(410, 'Expired'), 'watch /x'))).toBe(true);
    expect(watchErrorOf({ kind: 'Something' }, 'watch /x').status).toBe(500);
  });
});
