/** Whether something thrown carries this code, as the errors of Node's own modules do. */
export const hasCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
