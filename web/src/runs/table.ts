// The table of runs as data: which columns there are, what a cell says, what an ordering is called. Pure.
import type { Run } from '../tracking';
import { duration } from '../words';

export type Kind = 'metrics' | 'params' | 'tags';

export interface Column {
  kind: Kind;
  key: string;
}

export const columnId = (column: Column) => `${column.kind}.${column.key}`;

export function columnOf(id: string): Column | null {
  const [, kind, key] = /^(metrics|params|tags)\.(.+)$/s.exec(id) ?? [];
  return kind && key ? { kind: kind as Kind, key } : null;
}

// Keys of the tracking client itself say nothing about a model.
const isOwn = (key: string) => key.startsWith('mlflow.');

function valuesOf(runs: Run[], kind: Kind): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>();
  for (const run of runs)
    for (const [key, value] of Object.entries(run[kind])) {
      const seen = out.get(key) ?? new Set();
      if (seen.size < 3) seen.add(String(value));
      out.set(key, seen);
    }
  return out;
}

// Every column that these runs could have: what differs between runs first, then by name.
export function allColumns(runs: Run[]): Column[] {
  const of = (kind: Kind) =>
    [...valuesOf(runs, kind)]
      .filter(([key]) => kind !== 'tags' || !isOwn(key))
      .sort(([a, one], [b, other]) => Number(other.size > 1) - Number(one.size > 1) || a.localeCompare(b))
      .map(([key]): Column => ({ kind, key }));
  return [...of('metrics'), ...of('params'), ...of('tags')];
}

const firstMetrics = 4;
const firstParams = 4;

// What is shown until someone chooses: some metrics, and params that differ.
export function standardColumns(runs: Run[]): Column[] {
  const params = valuesOf(runs, 'params');
  const all = allColumns(runs);
  const metrics = all.filter((column) => column.kind === 'metrics' && !column.key.startsWith('system/'));
  const varied = all.filter((column) => column.kind === 'params' && (runs.length < 2 || (params.get(column.key)?.size ?? 0) > 1));
  return [...metrics.slice(0, firstMetrics), ...varied.slice(0, firstParams)];
}

export function figure(value: number | undefined): string {
  if (value === undefined) return '';
  if (Number.isNaN(value)) return 'NaN';
  if (Math.abs(value) > 1.79e308) return value > 0 ? '∞' : '−∞';
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString('en-US').replace('-', '−');
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(3) : value.toPrecision(5).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
  return text.replaceAll('-', '−');
}

export function cell(run: Run, column: Column): string {
  return column.kind === 'metrics' ? figure(run.metrics[column.key]) : (run[column.kind][column.key] ?? '');
}

export interface Order {
  expression: string; // "metrics.`val/auc`" or "attributes.start_time"
  ascending: boolean;
}

export const orderKey = (column: Column) => `${column.kind}.\`${column.key}\``;

export function readOrder(order: string): Order | null {
  const [, expression, direction] = /^(.+) (ASC|DESC)$/s.exec(order) ?? [];
  return expression ? { expression, ascending: direction === 'ASC' } : null;
}

// A click on a head: largest first, then smallest first, then as it was.
export function nextOrder(now: string | undefined, expression: string): string | undefined {
  const order = readOrder(now ?? '');
  if (order?.expression !== expression) return `${expression} DESC`;
  return order.ascending ? undefined : `${expression} ASC`;
}

export function tookOf(run: Run, now: number): string {
  const end = run.ended ?? (run.status === 'RUNNING' ? now : null);
  return end === null || run.started === 0 ? '' : duration(Math.max(0, end - run.started));
}

// Rows of a table of `total` that are seen through a window, with some beyond both edges.
export function visibleRows(scrolled: number, height: number, rowHeight: number, total: number): { first: number; last: number } {
  const extra = 8;
  const first = Math.min(total, Math.max(0, Math.floor(scrolled / rowHeight) - extra));
  return { first, last: Math.min(total, Math.ceil((scrolled + height) / rowHeight) + extra) };
}

export const experimentNote = (tags: { key: string; value: string }[]) => tags.find((tag) => tag.key === 'mlflow.note.content')?.value ?? '';
