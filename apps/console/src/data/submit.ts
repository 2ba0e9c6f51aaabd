import type { KeyboardEvent } from 'react';

/** Sends a form by the Enter key of its fields, whose own component takes that key for itself. */
export function submitOnEnter(event: KeyboardEvent<HTMLFormElement>): void {
  if (event.key === 'Enter' && event.target instanceof HTMLInputElement) event.currentTarget.requestSubmit();
}
