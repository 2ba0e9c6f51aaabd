/** As many warnings as a status holds; the audit log has all of them. */
export const MAX_WARNINGS = 50;
