/** libs/audit works on Node's Buffer, which a browser lacks. Import this before it. */
import { Buffer } from 'buffer';

Object.assign(globalThis, { Buffer });
