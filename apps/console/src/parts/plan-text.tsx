import { Button } from '@patternfly/react-core';
import { useState } from 'react';

/** Browsers offer it where the page came by HTTPS. */
const CAN_COPY = 'clipboard' in navigator;

/** A text to be copied into a file or a terminal. */
export function CopiedText({ title, text }: { title: string; text: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <figure className="scc-figure">
      <figcaption className="scc-row">
        <span>{title}</span>
        {CAN_COPY ? (
          <Button variant="link" isInline onClick={copy} aria-label={`Copy: ${title}`}>
            {isCopied ? 'Copied' : 'Copy'}
          </Button>
        ) : null}
      </figcaption>
      <pre className="scc-diff" tabIndex={0} aria-label={title}>
        {text}
      </pre>
    </figure>
  );
}
