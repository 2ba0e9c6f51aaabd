export const DOCUMENT_PATH = '/v1/openapi.json';
export const PAGES_PATH = '/v1/docs';

/** The pages load their own scripts and styles, and nothing from elsewhere. */
export const PAGES_POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";
