// Runs beside each other as data: rows that differ, the best of a metric, curves made smooth. Pure.
import type { Point, Run } from '../tracking';

export interface Row {
  key: string;
  values: (string | undefined)[]; // one a run
  differs: boolean;
}

export function rowsOf(runs: Run[], of: (run: Run) => Record<string, string>): Row[] {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(of(run))))].sort();
  return keys.map((key) => {
    const values = runs.map((run) => of(run)[key]);
    return { key, values, differs: values.some((value) => value !== values[0]) };
  });
}

// Where the code came from, in words that every client's tags give.
export function codeOf(run: Run): Record<string, string> {
  const named: [string, string | undefined][] = [
    ['commit', run.tags['mlflow.source.git.commit']],
    ['uncommitted changes', run.tags['mlflow.source.git.dirty'] === 'true' ? 'yes' : undefined],
    ['branch', run.tags['mlflow.source.git.branch']],
    ['source', run.tags['mlflow.source.name']],
    ['user', run.user || run.tags['mlflow.user']],
  ];
  return Object.fromEntries(named.filter((pair): pair is [string, string] => !!pair[1]));
}

const snapshotTag = 'fettle.snapshot.';

// Datasets that a client logged, and snapshots that a pipeline read: name to digest.
export function dataOf(run: Run): Record<string, string> {
  const logged = run.datasets.map((dataset): [string, string] => [dataset.context ? `${dataset.name} (${dataset.context})` : dataset.name, dataset.digest]);
  const snapshots = Object.entries(run.tags).filter(([key]) => key.startsWith(snapshotTag));
  return Object.fromEntries([...logged, ...snapshots.map(([key, digest]): [string, string] => [key.slice(snapshotTag.length), digest])]);
}

// A name tells whether small is good, where it does at all.
export function smallIsGood(key: string): boolean | null {
  const name = key.toLowerCase();
  if (/(constant|baseline|base_rate)/.test(name)) return null;
  if (/(loss|error|rmse|mse|mae|mape|brier|ece|latency|_ms|_us|seconds|perplexity)/.test(name)) return true;
  if (/(acc|auc|f1|precision|recall|r2|score|ndcg|map|throughput)/.test(name)) return false;
  return null;
}

// Places of the best values; none if that cannot be said or all are alike.
export function best(key: string, values: (number | undefined)[]): number[] {
  const small = smallIsGood(key);
  const known = values.filter((value): value is number => value !== undefined && !Number.isNaN(value));
  if (small === null || known.length < 2 || known.every((value) => value === known[0])) return [];
  const goal = small ? Math.min(...known) : Math.max(...known);
  return values.flatMap((value, index) => (value === goal ? [index] : []));
}

// Exponential moving average, corrected for its start; `weight` of the past in [0, 1).
export function smooth(values: number[], weight: number): number[] {
  if (weight <= 0) return values;
  let sum = 0;
  let mass = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = weight * sum + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return sum / mass;
  });
}

export type Axis = 'step' | 'time' | 'since';

export interface Line {
  run: string;
  points: [number, number][];
}

// One line a run, along steps, the clock, or time since the run's first point.
export function linesOf(points: Point[], runs: string[], axis: Axis): Line[] {
  return runs.map((run) => {
    const own = points.filter((point) => point.run_id === run);
    const first = Math.min(...own.map((point) => point.timestamp));
    const x = (point: Point) => (axis === 'step' ? point.step : axis === 'time' ? point.timestamp : (point.timestamp - first) / 1000);
    return { run, points: own.map((point): [number, number] => [x(point), point.value]).sort((a, b) => a[0] - b[0]) };
  });
}

// One point a run is no curve: the figure says it.
export const isCurve = (points: Point[]) => new Set(points.map((point) => point.run_id)).size < points.length;

// Metrics worth a curve before others: those of fewest parts, the system's own last.
export function curveKeys(runs: Run[]): string[] {
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run.metrics)))];
  const isSystem = (key: string) => key.startsWith('system/');
  return keys.sort((a, b) => Number(isSystem(a)) - Number(isSystem(b)) || a.localeCompare(b));
}
