import { stepMarks, stepPath } from '../data/bounds.js';
import { type Dot, linePoints, placeOn, type Range, shortNumber } from '../data/chart.js';
import { tickOf } from '../data/times.js';

/** About as wide as it is shown, so that its texts are as large as others. */
const BOX = { width: 400, height: 120 };
const KINDS = 6;
/** More dots than these would hide their line. */
const MAX_DOTS = 40;

export interface Line {
  name: string;
  dots: readonly Dot[];
}

interface Props {
  /** The chart in words, with where its numbers stand. */
  label: string;
  lines: readonly Line[];
  /** Values that have a line of their own across the chart. */
  bounds?: readonly { text: string; value: number }[];
  /** The share of the canary, which stands behind the lines: the whole height is 100 %. */
  weights?: readonly { canary: number; at: string }[];
  /** Marks each step of the share with its number. */
  marksSteps?: boolean;
  time: Range;
  values: Range;
}

const Steps = ({ weights, time }: { weights: NonNullable<Props['weights']>; time: Range }) =>
  stepMarks(weights, { ...time, ...BOX }).map(({ x, y, canary, hasText }, index) => (
    <g key={index}>
      <circle className="dot" r={3} cx={x} cy={y} />
      {hasText ? (
        <text x={x + 4} y={Math.min(y + 12, BOX.height - 3)}>
          {canary} %
        </text>
      ) : null}
    </g>
  ));

const heightOf = (value: number, values: Range): number => BOX.height - placeOn(value, values, BOX.height);

/** The ends and the middle; no half of what is counted. */
function ticksOf({ from, to }: Range): number[] {
  const middle = (from + to) / 2;
  const isCounted = Number.isInteger(from) && Number.isInteger(to);
  return isCounted && !Number.isInteger(middle) ? [from, to] : [from, middle, to];
}

const Grid = ({ time, values }: Pick<Props, 'time' | 'values'>) => (
  <>
    {ticksOf(values).map((value) => (
      <g key={value}>
        <line className="grid" x1={0} x2={BOX.width} y1={heightOf(value, values)} y2={heightOf(value, values)} />
        <text x={-6} y={heightOf(value, values) + 4} textAnchor="end">
          {shortNumber(value)}
        </text>
      </g>
    ))}
    <text x={0} y={BOX.height + 18}>
      {tickOf(time.from, time.to - time.from)}
    </text>
    <text x={BOX.width} y={BOX.height + 18} textAnchor="end">
      {tickOf(time.to, time.to - time.from)}
    </text>
  </>
);

const Legend = ({ lines }: Pick<Props, 'lines'>) => (
  <figcaption className="scc-legend">
    {lines.map(({ name, dots }, index) => (
      <span key={name}>
        <svg className={`scc-key series-${index % KINDS}`} viewBox="0 0 30 8" aria-hidden="true">
          <line className="curve" x1={0} x2={30} y1={4} y2={4} />
        </svg>
        {name}
        {dots.length === 0 ? ' (not known)' : ''}
      </span>
    ))}
  </figcaption>
);

/** Lines over time; each has a colour and a pattern, which the legend names. */
export const LineChart = ({ label, lines, bounds = [], weights = [], marksSteps = false, time, values }: Props) => (
  <figure className="scc-figure">
    <svg className="scc-chart" viewBox={`-44 -12 ${BOX.width + 54} ${BOX.height + 36}`} role="img" aria-label={label}>
      {weights.length > 0 ? (
        <path className="share" d={`${stepPath(weights, { ...time, ...BOX })} V ${BOX.height} Z`} />
      ) : null}
      <Grid {...{ time, values }} />
      {marksSteps ? <Steps {...{ weights, time }} /> : null}
      {bounds.map(({ text, value }) => (
        <g key={text}>
          <line className="bound" x1={0} x2={BOX.width} y1={heightOf(value, values)} y2={heightOf(value, values)} />
          <text x={4} y={heightOf(value, values) - 4}>
            {text}
          </text>
        </g>
      ))}
      {lines.map(({ name, dots }, index) => (
        <g key={name} className={`series-${index % KINDS}`}>
          <polyline className="curve" points={linePoints(dots, time, values, BOX)} />
          {dots.length <= MAX_DOTS
            ? dots.map(({ at, value }) => (
                <circle key={at} className="dot" r={3} cx={placeOn(at, time, BOX.width)} cy={heightOf(value, values)} />
              ))
            : null}
        </g>
      ))}
    </svg>
    {lines.length > 1 ? <Legend lines={lines} /> : null}
  </figure>
);
