// Curves and parallel coordinates as ECharts options. Pure: data and palette in, option out.
import type { EChartsCoreOption } from 'echarts/core';
import { fade, fontFamily, type Palette } from '../chart/palette';
import type { Run } from '../tracking';
import { clock, duration } from '../words';
import { type Axis, type Line, smooth } from './compare';
import { type Column, columnId, figure } from './table';

export interface CurveView {
  axis: Axis;
  weight: number; // of smoothing
  log: boolean;
  names: Record<string, string>; // of runs
}

export const runColor = (palette: Palette, index: number) => palette.versions[index % palette.versions.length] ?? palette.ink2;

// A second time round the colours, lines are dashed.
const dash = (palette: Palette, index: number) => (index < palette.versions.length ? 'solid' : index < 2 * palette.versions.length ? [6, 3] : [2, 3]);

const labels: Record<Axis, (value: number) => string> = {
  step: (value) => value.toLocaleString('en-US'),
  time: (value) => clock(value),
  since: (value) => duration(value * 1000),
};

export function curveOption(lines: Line[], palette: Palette, view: CurveView): EChartsCoreOption {
  const text = { color: palette.ink3, fontSize: 11, fontFamily };
  const series = lines.flatMap((line, index) => {
    const color = runColor(palette, index);
    const values = smooth(line.points.map((point) => point[1]), view.weight);
    const drawn = line.points.map((point, i) => [point[0], values[i]]);
    const base = { type: 'line', color, animation: false, emphasis: { disabled: true }, name: view.names[line.run] ?? line.run, connectNulls: false };
    const main = { ...base, data: drawn, showSymbol: drawn.length < 2, symbolSize: 6, lineStyle: { width: 1.8, color, type: dash(palette, index) } };
    if (view.weight === 0) return [main];
    return [{ ...base, data: line.points, silent: true, showSymbol: false, tooltip: { show: false }, lineStyle: { width: 1, color: fade(color, 0.28) } }, main];
  });
  return {
    textStyle: { fontFamily },
    grid: { left: 6, right: 14, top: 10, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    tooltip: {
      trigger: 'axis', backgroundColor: palette.panel, borderColor: palette.line, textStyle: { color: palette.ink, fontSize: 12 }, confine: true,
      valueFormatter: (value: unknown) => figure(Number(value)), axisPointer: { lineStyle: { color: palette.ink3 }, label: { show: false } },
    },
    xAxis: { type: 'value', min: 'dataMin', max: 'dataMax', axisLabel: { ...text, formatter: labels[view.axis], hideOverlap: true }, axisLine: { lineStyle: { color: palette.line } }, axisTick: { show: false }, splitLine: { show: false } },
    yAxis: { type: view.log ? 'log' : 'value', scale: true, splitNumber: 3, axisLabel: { ...text, formatter: (value: number) => figure(value) }, axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: palette.line } } },
    series,
  };
}

// One axis a column; a line a run that has a value on each of them. Texts are categories.
export function parallelOption(runs: Run[], columns: Column[], colored: Column | null, palette: Palette): { option: EChartsCoreOption; drawn: number } {
  const value = (run: Run, column: Column): number | string | undefined => {
    const raw = run[column.kind][column.key];
    if (typeof raw === 'number') return Number.isFinite(raw) ? raw : undefined;
    return raw === undefined || raw === '' ? undefined : Number.isFinite(Number(raw)) ? Number(raw) : raw;
  };
  const whole = runs.filter((run) => columns.every((column) => value(run, column) !== undefined));
  const isText = columns.map((column) => whole.some((run) => typeof value(run, column) === 'string'));
  const axes = columns.map((column, dim) => ({
    dim, name: column.key, ...(isText[dim] ? { type: 'category', data: [...new Set(whole.map((run) => String(value(run, column))))].sort() } : { type: 'value', scale: true }),
  }));
  const data = whole.map((run) => columns.map((column, dim) => (isText[dim] ? String(value(run, column)) : value(run, column))));
  const place = colored ? columns.findIndex((column) => columnId(column) === columnId(colored)) : -1;
  const numbers = place < 0 ? [] : data.map((row) => row[place]).filter((one): one is number => typeof one === 'number');
  const range = numbers.length > 1 ? { visualMap: { show: false, dimension: place, min: Math.min(...numbers), max: Math.max(...numbers), inRange: { color: [fade(palette.heat, 0.25), palette.heat] } } } : {};
  const text = { color: palette.ink2, fontSize: 11, fontFamily };
  return {
    drawn: whole.length,
    option: {
      ...range,
      textStyle: { fontFamily },
      parallel: { left: 50, right: 60, top: 34, bottom: 18, parallelAxisDefault: { nameTextStyle: { ...text, color: palette.ink }, nameTruncate: { maxWidth: 130 }, axisLabel: { ...text, formatter: (one: number | string) => (typeof one === 'number' ? figure(one) : one) }, axisLine: { lineStyle: { color: palette.ink3 } }, axisTick: { lineStyle: { color: palette.line } } } },
      parallelAxis: axes,
      series: [{ type: 'parallel', data, animation: false, lineStyle: { width: whole.length > 200 ? 0.8 : 1.6, opacity: whole.length > 200 ? 0.4 : 0.75, color: palette.heat } }],
    },
  };
}
