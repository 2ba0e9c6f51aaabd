import { z } from 'zod';

/** A duration as Kubernetes operators write it: one number and one unit, `90s`, `2m`, `1h`; `0s` is none. */
export const durationSchema = z
  .string()
  .regex(/^(0|[1-9][0-9]*)(ms|s|m|h)$/)
  .describe('A duration such as 30s, 5m or 1h; 0s means none.');

/** A name of an object. */
export const dns1123 = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
