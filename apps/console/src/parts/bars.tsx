interface Bar {
  key: string;
  /** Its text. */
  text: string;
  count: number;
  /** Where it leads. */
  href?: string;
}

/** Counts as bars, each as long as its share of the largest one. @param of the things that are counted */
export function Bars({ bars, of }: { bars: readonly Bar[]; of: string }) {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <div className="scc-bars">
      {bars.map(({ key, text, count, href }) => (
        <div key={key} className="scc-bar">
          {href === undefined ? <span>{text}</span> : <a href={href}>{text}</a>}
          <progress max={most} value={count} aria-label={`${of}: ${text}`} />
          <span>{count}</span>
        </div>
      ))}
    </div>
  );
}
