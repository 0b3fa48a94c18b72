// Parallel coordinates of the runs at hand, over the table's own columns; the first metric gives the colour.
import { useMemo } from 'react';
import { Chart } from '../chart/chart';
import '../chart/parallel';
import { usePalette } from '../chart/palette';
import type { Run } from '../tracking';
import { Empty } from '../ui/notes';
import { count } from '../words';
import { parallelOption } from './draw';
import type { Column } from './table';

export default function Parallel({ runs, columns }: { runs: Run[]; columns: Column[] }) {
  const palette = usePalette();
  const colored = columns.find((column) => column.kind === 'metrics') ?? null;
  const ordered = useMemo(() => [...columns].sort((a, b) => Number(a.kind === 'metrics') - Number(b.kind === 'metrics')), [columns]);
  const { option, drawn } = useMemo(() => parallelOption(runs, ordered, colored, palette), [runs, ordered, colored, palette]);
  if (columns.length < 2 || drawn === 0) return <Empty>Choose two or more columns that the same runs have.</Empty>;
  return (
    <figure className="panel chart-panel">
      <Chart option={option} height={300} label={`Parallel coordinates of ${drawn} runs over ${ordered.map((column) => column.key).join(', ')}`} />
      <figcaption className="quiet table-note">
        {count(drawn)} of {count(runs.length)} loaded runs have a value on every axis{colored ? `; stronger: larger ${colored.key}` : ''}
      </figcaption>
    </figure>
  );
}
