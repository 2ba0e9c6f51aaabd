import { z } from 'zod';
import { notificationConfig, Courier } from './courier.js';

/** The way to receivers as variables configure it. */
export const courierOf = (variables: Record<string, string>): Courier =>
  new Courier(z.object(notificationConfig).parse(variables));

/** No host is allowed. */
export const noCourier = (): Courier => courierOf({});
