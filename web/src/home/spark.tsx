// A small picture of quality by week: the log loss with its interval, against the log loss of knowing only the rate.
import type { Window } from '../api';
import { day, fixed } from '../words';

export interface SparkPoint {
  at: number;
  value: number;
  lower: number;
  upper: number;
  constant: number;
}

// Of each week the window with the most outcomes, if it was judged.
export function sparkPoints(windows: Window[]): SparkPoint[] {
  const best = new Map<number, Window>();
  for (const window of windows) {
    const held = best.get(window.start_ms);
    if (window.report.outcomes_judged && (!held || held.report.outcomes < window.report.outcomes)) best.set(window.start_ms, window);
  }
  return [...best.values()]
    .sort((a, b) => a.start_ms - b.start_ms)
    .map(({ start_ms, end_ms, report: { performance: p } }) => ({
      at: (start_ms + end_ms) / 2,
      value: p.log_loss,
      lower: p.log_loss_lower,
      upper: p.log_loss_upper,
      constant: p.log_loss_constant,
    }));
}

const width = 320;
const height = 84;
const pad = 8;

export function Spark({ windows }: { windows: Window[] }) {
  const points = sparkPoints(windows);
  if (points.length < 2) return <p className="spark-none">Quality is drawn once two weeks have their outcomes.</p>;
  const from = points[0]!.at;
  const to = points.at(-1)!.at;
  const low = Math.min(...points.map((p) => Math.min(p.lower, p.constant)));
  const high = Math.max(...points.map((p) => Math.max(p.upper, p.constant)));
  const x = (at: number) => pad + ((at - from) / (to - from)) * (width - 2 * pad);
  const y = (value: number) => height - pad - ((value - low) / Math.max(high - low, 1e-9)) * (height - 2 * pad);
  const line = (of: (p: SparkPoint) => number) => points.map((p, i) => `${i ? 'L' : 'M'}${x(p.at).toFixed(1)} ${y(of(p)).toFixed(1)}`).join('');
  const last = points.at(-1)!;
  const words = `Log loss by week from ${day(from)} to ${day(to)}; last ${fixed(last.value)} (${fixed(last.lower)} to ${fixed(last.upper)}), a constant guess ${fixed(last.constant)}`;
  return (
    <figure className="spark">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={words}>
        <path className="spark-constant" d={line((p) => p.constant)} />
        {points.map((p) => (
          <path key={p.at} className="spark-interval" d={`M${x(p.at)} ${y(p.lower)}V${y(p.upper)}`} />
        ))}
        <path className="spark-line" d={line((p) => p.value)} />
        <circle className="spark-last" cx={x(last.at)} cy={y(last.value)} r="3.2" />
      </svg>
      <figcaption>
        <span className="key-line">log loss by week</span> <span className="key-dash">a constant guess</span>
        <span className="spark-dates">{day(from, from)} – {day(to, to)}</span>
      </figcaption>
    </figure>
  );
}
