// The table of runs: only rows that are seen are drawn, and more are asked for when the end comes near.
import { Link } from '@tanstack/react-router';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Run } from '../tracking';
import { moment } from '../words';
import { best } from './compare';
import { RunGlyph } from './state';
import { cell, type Column, columnId, orderKey, readOrder, tookOf, visibleRows } from './table';

const rowHeight = 36;
const nearEnd = 60; // rows

interface Props {
  runs: Run[];
  columns: Column[];
  order: string | undefined;
  sort: (expression: string) => void;
  picked: Set<string>;
  pick: (id: string) => void;
  more: (() => void) | undefined;
}

function Head({ name, kind, expression, order, sort, numeric }: { name: string; kind?: string; expression: string; order: string | undefined; sort: (e: string) => void; numeric?: boolean }) {
  const now = readOrder(order ?? '');
  const mine = now?.expression === expression;
  return (
    <th scope="col" className={numeric ? 'num' : undefined} aria-sort={mine ? (now.ascending ? 'ascending' : 'descending') : undefined}>
      <button type="button" className="sort" onClick={() => sort(expression)} title={kind ? `${kind}: ${name}` : name}>
        {name}
        {mine && <span aria-hidden> {now.ascending ? '↑' : '↓'}</span>}
      </button>
    </th>
  );
}

export function RunGrid({ runs, columns, order, sort, picked, pick, more }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 900 });
  useLayoutEffect(() => {
    const box = holder.current!;
    const measure = () => setView({ top: box.scrollTop, height: box.clientHeight });
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    box.addEventListener('scroll', measure, { passive: true });
    return () => {
      watch.disconnect();
      box.removeEventListener('scroll', measure);
    };
  }, []);
  const { first, last } = visibleRows(view.top, view.height, rowHeight, runs.length);
  useEffect(() => {
    if (last + nearEnd > runs.length) more?.();
  }, [last, runs.length, more]);
  const now = Date.now();
  const numeric = (column: Column) => column.kind === 'metrics';
  const bests = new Map(columns.filter(numeric).map((column) => [columnId(column), new Set(best(column.key, runs.map((run) => run.metrics[column.key])))]));
  return (
    <div className="grid" ref={holder} tabIndex={0} role="region" aria-label="Runs">
      <table aria-rowcount={runs.length + 1}>
        <thead>
          <tr>
            <th scope="col" className="grid-pick"><span className="unseen">Chosen</span></th>
            <Head name="Run" expression="attributes.run_name" order={order} sort={sort} />
            <Head name="Started" expression="attributes.start_time" order={order} sort={sort} />
            <th scope="col">Took</th>
            {columns.map((column) => (
              <Head key={columnId(column)} name={column.key} kind={column.kind} expression={orderKey(column)} order={order} sort={sort} numeric={numeric(column)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {first > 0 && <tr aria-hidden style={{ height: first * rowHeight }}><td /></tr>}
          {runs.slice(first, last).map((run, index) => (
            <tr key={run.id} aria-rowindex={first + index + 2} data-picked={picked.has(run.id) || undefined} style={{ height: rowHeight }}>
              <td className="grid-pick">
                <input type="checkbox" checked={picked.has(run.id)} onChange={() => pick(run.id)} aria-label={`Choose ${run.name || run.id}`} />
              </td>
              <th scope="row">
                <RunGlyph status={run.status} />
                <Link to="/runs/$id" params={{ id: run.id }}>{run.name || run.id.slice(0, 8)}</Link>
              </th>
              <td className="quiet">{run.started ? moment(run.started) : ''}</td>
              <td className="quiet">{tookOf(run, now)}</td>
              {columns.map((column) => {
                const text = cell(run, column);
                const isBest = bests.get(columnId(column))?.has(first + index);
                return <td key={columnId(column)} className={numeric(column) ? 'num' : undefined} title={text} data-best={isBest || undefined}>{text}</td>;
              })}
            </tr>
          ))}
          {last < runs.length && <tr aria-hidden style={{ height: (runs.length - last) * rowHeight }}><td /></tr>}
        </tbody>
      </table>
    </div>
  );
}
