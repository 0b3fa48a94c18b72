// Some runs beside each other: what differs in params, code and data; who is best; curves in one picture.
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { usePalette } from '../chart/palette';
import type { Run } from '../tracking';
import { Empty, Failed, Loading } from '../ui/notes';
import { best, codeOf, curveKeys, dataOf, type Row, rowsOf } from './compare';
import { brief } from '../words';
import { Curves } from './curves';
import { useRunsById } from './data';
import { runColor } from './draw';
import { RunGlyph } from './state';
import { figure } from './table';

const route = getRouteApi('/compare');

const shown = (value: string) => (/^[0-9a-f]{40,64}$/.test(value) ? brief(value) : value);
const none = <span className="quiet">none</span>;

function Title({ title, across }: { title: string; across: number }) {
  return (
    <tr>
      <th scope="colgroup" colSpan={across} className="comparison-part">{title}</th>
    </tr>
  );
}

function Differences({ title, runs, rows, all }: { title: string; runs: Run[]; rows: Row[]; all: boolean }) {
  if (rows.length === 0) return null;
  const drawn = all ? rows : rows.filter((row) => row.differs);
  return (
    <tbody>
      <Title title={title} across={runs.length + 1} />
      {drawn.map((row) => (
        <tr key={row.key}>
          <th scope="row">{row.key}</th>
          {row.values.map((value, index) => <td key={runs[index]!.id} title={value}>{value === undefined ? none : shown(value)}</td>)}
        </tr>
      ))}
      {drawn.length === 0 && <tr><td colSpan={runs.length + 1} className="quiet">{rows.length === 1 ? 'One, alike.' : `All ${rows.length} are alike.`}</td></tr>}
    </tbody>
  );
}

function Figures({ runs }: { runs: Run[] }) {
  const keys = curveKeys(runs).filter((key) => !key.startsWith('system/'));
  if (keys.length === 0) return null;
  return (
    <tbody>
      <Title title="Metrics, latest" across={runs.length + 1} />
      {keys.map((key) => {
        const values = runs.map((run) => run.metrics[key]);
        const bests = best(key, values);
        return (
          <tr key={key}>
            <th scope="row">{key}</th>
            {values.map((value, index) => (
              <td key={runs[index]!.id} data-best={bests.includes(index) || undefined}>
                {value === undefined ? none : figure(value)}
                {bests.includes(index) && <span className="unseen"> best</span>}
              </td>
            ))}
          </tr>
        );
      })}
    </tbody>
  );
}

function Comparison({ runs, all }: { runs: Run[]; all: boolean }) {
  const palette = usePalette();
  return (
    <div className="table-wrap">
      <table className="comparison">
        <thead>
          <tr>
            <td />
            {runs.map((run, index) => (
              <th key={run.id} scope="col">
                <span className="shares-dot" style={{ background: runColor(palette, index) }} aria-hidden />
                <Link to="/runs/$id" params={{ id: run.id }}>{run.name || run.id.slice(0, 8)}</Link> <RunGlyph status={run.status} />
              </th>
            ))}
          </tr>
        </thead>
        <Figures runs={runs} />
        <Differences title="Params" runs={runs} rows={rowsOf(runs, (run) => run.params)} all={all} />
        <Differences title="Code" runs={runs} rows={rowsOf(runs, codeOf)} all={all} />
        <Differences title="Data" runs={runs} rows={rowsOf(runs, dataOf)} all={all} />
      </table>
    </div>
  );
}

export function CompareScreen() {
  const ids = route.useSearch().runs?.split(',').filter(Boolean) ?? [];
  const [all, setAll] = useState(false);
  const { runs, error, pending } = useRunsById(ids);
  if (ids.length === 0) return <div className="runs"><h1>Compare runs</h1><Empty>Choose runs in the table of an <Link to="/experiments">experiment</Link>.</Empty></div>;
  if (error) return <Failed error={error} />;
  if (pending) return <Loading />;
  return (
    <div className="runs">
      <header className="head"><h1>{runs.length} runs compared</h1></header>
      <div className="controls">
        <label className="check"><input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> also what is alike</label>
        <span className="quiet controls-hint">Bold: best, where the name says whether small is good.</span>
      </div>
      <Comparison runs={runs} all={all} />
      <Curves runs={runs} />
    </div>
  );
}
