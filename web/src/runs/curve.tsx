// One metric of some runs along its steps.
import { useMemo } from 'react';
import { Chart } from '../chart/chart';
import { usePalette } from '../chart/palette';
import type { Run } from '../tracking';
import { type Axis, linesOf } from './compare';
import type { CurvePoints } from './data';
import { curveOption } from './draw';
import { figure } from './table';

export interface CurveChoice {
  axis: Axis;
  weight: number;
  log: boolean;
}

const height = 170;

export function Curve({ runs, curve: { key, points }, choice }: { runs: Run[]; curve: CurvePoints; choice: CurveChoice }) {
  const palette = usePalette();
  const option = useMemo(() => {
    const names = Object.fromEntries(runs.map((run) => [run.id, run.name || run.id.slice(0, 8)]));
    return curveOption(linesOf(points, runs.map((run) => run.id), choice.axis), palette, { ...choice, names });
  }, [points, runs, choice, palette]);
  const last = runs.length === 1 ? runs[0]?.metrics[key] : undefined;
  return (
    <figure className="panel curve">
      <figcaption>
        <h3>{key}</h3> {last !== undefined && <span className="quiet">last {figure(last)}</span>}
      </figcaption>
      <Chart option={option} height={height} label={`${key} of ${runs.length === 1 ? 'this run' : `${runs.length} runs`}, ${points.length} points`} />
    </figure>
  );
}
