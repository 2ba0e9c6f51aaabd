/** Sentences that the author of a plan may have written, one below the other. */
export const LineList = ({ lines }: { lines: readonly string[] }) => (
  <ul className="scc-list">
    {lines.map((line) => (
      <li key={line} className="scc-text">
        {line}
      </li>
    ))}
  </ul>
);
