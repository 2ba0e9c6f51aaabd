import { type Dot, linePoints, placeOn, type Range, shortNumber } from '../data/chart.js';

const BOX = { width: 600, height: 140 };
const KINDS = 6;

interface Line {
  name: string;
  dots: readonly Dot[];
}

interface Props {
  /** The chart in words, with where its numbers stand. */
  label: string;
  lines: readonly Line[];
  /** Values that have a line of their own across the chart. */
  bounds?: readonly { text: string; value: number }[];
  time: Range;
  values: Range;
}

const heightOf = (value: number, values: Range): number => BOX.height - placeOn(value, values, BOX.height);

/** Lines over time; each has a colour and a pattern, which the legend names. */
export const LineChart = ({ label, lines, bounds = [], time, values }: Props) => (
  <figure className="scc-figure">
    <svg className="scc-chart" viewBox={`-50 -12 ${BOX.width + 60} ${BOX.height + 24}`} role="img" aria-label={label}>
      {[values.from, values.to].map((value) => (
        <g key={value}>
          <line className="grid" x1={0} x2={BOX.width} y1={heightOf(value, values)} y2={heightOf(value, values)} />
          <text x={-6} y={heightOf(value, values) + 4} textAnchor="end">
            {shortNumber(value)}
          </text>
        </g>
      ))}
      {bounds.map(({ text, value }) => (
        <g key={text}>
          <line className="bound" x1={0} x2={BOX.width} y1={heightOf(value, values)} y2={heightOf(value, values)} />
          <text x={BOX.width} y={heightOf(value, values) - 4} textAnchor="end">
            {text}
          </text>
        </g>
      ))}
      {lines.map(({ name, dots }, index) => (
        <g key={name} className={`series-${index % KINDS}`}>
          <polyline className="curve" points={linePoints(dots, time, values, BOX)} />
          {dots.length === 1 ? (
            <circle
              className="dot"
              r={4}
              cx={placeOn(dots[0]?.at ?? 0, time, BOX.width)}
              cy={heightOf(dots[0]?.value ?? 0, values)}
            />
          ) : null}
        </g>
      ))}
    </svg>
    {lines.length > 1 ? (
      <figcaption className="scc-legend">
        {lines.map(({ name }, index) => (
          <span key={name}>
            <svg className={`scc-key series-${index % KINDS}`} viewBox="0 0 30 8" aria-hidden="true">
              <line className="curve" x1={0} x2={30} y1={4} y2={4} />
            </svg>
            {name}
          </span>
        ))}
      </figcaption>
    ) : null}
  </figure>
);
