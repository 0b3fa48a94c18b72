// The time line as one ECharts option: panels on one time axis. Pure: model and palette in, option out.
import type { EChartsCoreOption } from 'echarts/core';
import type { Palette } from '../chart/palette';
import { fade, fontFamily } from '../chart/palette';
import { day } from '../words';
import { drawHeat, drawInterval, drawLane, drawLevel, drawTraffic } from './draw';
import { type TimelineModel, isDrawable, mainWindow, windowsAt } from './model';
import type { Window } from '../api';
import { readout } from './readout';

export type Metric = 'log_loss' | 'auc';

export interface TimelineView {
  metric: Metric;
  from: number;
  to: number;
  selected: number | null; // start of the chosen window
  narrow: boolean;
  minDrift: number;
  alpha: number;
}

interface Panel {
  title: string;
  note: string;
  height: number;
  yAxis: Record<string, unknown>;
  series: Record<string, unknown>[];
}

const titleHeight = 34;
const gap = 16;
const axisHeight = 62; // of the labels and the zoom slider

type Point = [number, number];

const laneHeight = 24;
const rowHeight = 22;

function versionColor(palette: Palette): (version: number) => string {
  return (version) => palette.versions[(version - 1) % palette.versions.length] ?? palette.ink2;
}

const middle = (window: Pick<Window, 'start_ms' | 'end_ms'>) => (window.start_ms + window.end_ms) / 2;

const level = (view: TimelineView) => `${Number(((1 - view.alpha) * 100).toFixed(2))} %`;

function lanesPanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  const tones = { ok: palette.ok, watch: palette.watch, bad: palette.bad, plain: palette.ink3 };
  const bars = model.lanes.flatMap((lane, row) => lane.bars.map((bar) => ({ ...bar, row })));
  return {
    title: 'What happened',
    note: 'alerts, retrainings, rollouts and their decisions',
    height: Math.max(1, model.lanes.length) * laneHeight,
    yAxis: categories(model.lanes.map((lane) => lane.name), palette, view),
    series: [custom(bars.map((bar, index) => [bar.from, bar.row, bar.to, index]), drawLane(bars, (tone) => tones[tone], palette))],
  };
}

function drawnOf(model: TimelineModel, version: number): Window[] {
  return model.windows.filter((window) => window.version === version && isDrawable(window));
}

// A point of a line: hollow where it was not judged.
function point(window: Window, value: number, color: string, palette: Palette) {
  return { value: [middle(window), value], itemStyle: window.report.outcomes_judged ? { color } : { color: palette.panel, borderColor: color, borderWidth: 1.4 } };
}

// An interval of more than the whole range says nothing: it is left out.
const says = (lower: number, upper: number) => Number.isFinite(lower) && Number.isFinite(upper) && upper - lower < 1;

// Of each time the window with the most rows.
function mains(model: TimelineModel): Window[] {
  const starts = [...new Set(model.windows.map((window) => window.start_ms))];
  return starts.flatMap((start) => mainWindow(model.windows.filter((window) => window.start_ms === start && isDrawable(window))) ?? []);
}

function line(data: unknown[], color: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'line', data, color, symbol: 'circle', symbolSize: 6, showSymbol: true, lineStyle: { width: 2, color }, itemStyle: { color },
    silent: true, animation: false, emphasis: { disabled: true }, connectNulls: false, ...extra,
  };
}

function custom(data: unknown[], renderItem: unknown, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { type: 'custom', data, renderItem, clip: true, silent: true, animation: false, encode: { x: 0, y: 1 }, ...extra };
}

const judging = 'hollow: not judged';

function qualityPanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  const color = versionColor(palette);
  const loss = view.metric === 'log_loss';
  const series = model.versions.flatMap((version) => {
    const own = color(version);
    const windows = drawnOf(model, version).filter(({ report: { performance: p } }) => loss || p.auc > 0);
    const spread = windows.map((window) => {
      const p = window.report.performance;
      return [middle(window), loss ? p.log_loss_lower : p.auc_lower, loss ? p.log_loss_upper : p.auc_upper];
    });
    const made = windows.map((window) => [window.start_ms, loss ? window.report.performance.reference_log_loss : window.report.performance.reference_auc, window.end_ms]);
    const value = windows.map((window) => point(window, loss ? window.report.performance.log_loss : window.report.performance.auc, own, palette));
    return [
      custom(made, drawLevel(fade(own, 0.55))),
      custom(spread, drawInterval(own), { encode: { x: 0, y: [1, 2] } }),
      line(value, own, { labelLayout: { moveOverlap: 'shiftY' }, endLabel: { show: true, formatter: `v${version}`, color: own, fontWeight: 600, distance: 6, offset: [0, -9], fontFamily } }),
    ];
  });
  const guess = mains(model).map((window): Point => [middle(window), window.report.performance.log_loss_constant]);
  const constant = loss ? [line(guess, palette.ink3, { showSymbol: false, lineStyle: { width: 1.2, type: [2, 4], color: palette.ink3 } })] : [];
  return {
    title: loss ? 'Log loss' : 'AUC',
    note: `bars: ${level(view)} interval; dashes: held-out data when made; ${loss ? 'dotted: a constant guess; ' : ''}${judging}`,
    height: 150,
    yAxis: values(palette, { formatter: (value: number) => value.toFixed(2) }),
    series: [...constant, ...series],
  };
}

function ratePanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  const color = versionColor(palette);
  const grey = fade(palette.ink, 0.75);
  const series = model.versions.map((version) => {
    const windows = drawnOf(model, version);
    const predicted = windows.map((window): Point => [middle(window), window.report.concept_drift.predicted_mean]);
    return line(predicted, color(version), { symbol: 'rect', symbolSize: 5, lineStyle: { width: 1.6, color: color(version) } });
  });
  const spread = mains(model)
    .filter(({ report: { concept_drift: c } }) => says(c.lower, c.upper))
    .map(({ report: { concept_drift: c }, ...window }) => [middle(window), c.predicted_mean - c.upper, c.predicted_mean - c.lower]);
  const observed = mains(model).map((window) => point(window, window.report.concept_drift.observed_mean, palette.ink, palette));
  return {
    title: 'Predicted and observed rate',
    note: `squares: predicted, by version; dots: observed, its ${level(view)} interval with days as clusters; ${judging}`,
    height: 120,
    yAxis: values(palette, { formatter: (value: number) => `${Math.round(value * 100)} %` }),
    series: [custom(spread, drawInterval(grey), { encode: { x: 0, y: [1, 2] } }), ...series, line(observed, palette.ink, { lineStyle: { width: 1.4, color: grey } })],
  };
}

function trafficPanel(model: TimelineModel, palette: Palette): Panel {
  const color = versionColor(palette);
  const below = new Map<number, number>();
  const bars = model.windows.map((window) => {
    const base = below.get(window.start_ms) ?? 0;
    below.set(window.start_ms, base + window.report.rows);
    return [window.start_ms, base, window.end_ms, base + window.report.rows, window.version];
  });
  const top = Math.max(1, ...below.values());
  return {
    title: 'Traffic',
    note: 'predictions by version',
    height: 64,
    yAxis: values(palette, { formatter: (value: number) => (value >= 1000 ? `${Math.round(value / 1000)} k` : String(value)) }, { min: 0, max: top, splitNumber: 2, interval: top, scale: false }),
    series: [custom(bars, drawTraffic(color), { encode: { x: 0, y: [1, 3] } })],
  };
}

function driftPanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  return {
    title: 'Inputs against training',
    note: `stronger: further (Jensen–Shannon distance, alarm from ${view.minDrift}); ▲ drift alarm, ✕ data quality alarm; grey: not judged`,
    height: Math.max(1, model.rows.length) * rowHeight,
    yAxis: categories(model.rows, palette, view),
    series: [custom(model.cells.map((cell, index) => [cell.from, cell.row, cell.to, index]), drawHeat(model.cells, view.minDrift, palette))],
  };
}

function categories(names: string[], palette: Palette, view: TimelineView): Record<string, unknown> {
  return {
    type: 'category', data: names, inverse: true, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: palette.ink2, fontSize: 11, width: view.narrow ? 74 : 106, overflow: 'truncate', interval: 0, margin: 8 }, axisPointer: { show: false },
  };
}

function values(palette: Palette, label: Record<string, unknown>, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'value', scale: true, splitNumber: 3, axisLabel: { color: palette.ink3, fontSize: 11, margin: 8, ...label }, axisPointer: { show: false },
    axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: palette.line } }, ...extra,
  };
}

// Labels stand at starts of windows, as many as there is room for.
export function ticks(starts: number[], from: number, to: number, most: number): number[] {
  const shown = [...new Set(starts)].filter((start) => start >= from && start < to).sort((a, b) => a - b);
  const every = Math.max(1, Math.ceil(shown.length / most));
  return shown.filter((_, index) => index % every === 0);
}

function xAxis(index: number, last: boolean, palette: Palette, model: TimelineModel, view: TimelineView): Record<string, unknown> {
  return {
    type: 'time', gridIndex: index, min: model.from, max: model.to, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { show: last, color: palette.ink3, fontSize: 11, hideOverlap: true, margin: 10, customValues: ticks(model.windows.map((window) => window.start_ms), view.from, view.to, view.narrow ? 4 : 13), formatter: (value: number) => day(value, value) },
    axisPointer: { show: true, type: 'line', snap: false, lineStyle: { color: palette.ink3, type: 'solid', width: 1, opacity: 0.7 }, label: { show: false } },
  };
}

// An empty line per panel carries the shade of the chosen window.
function selection(model: TimelineModel, view: TimelineView, palette: Palette): Record<string, unknown> | null {
  const chosen = model.windows.find((window) => window.start_ms === view.selected);
  if (!chosen) return null;
  return line([], palette.accent, {
    markArea: { silent: true, animation: false, itemStyle: { color: fade(palette.accent, 0.13) }, data: [[{ xAxis: chosen.start_ms }, { xAxis: chosen.end_ms }]] },
  });
}

export function timelineOption(model: TimelineModel, palette: Palette, view: TimelineView): { option: EChartsCoreOption; height: number } {
  const panels = [
    ...(model.lanes.length ? [lanesPanel(model, palette, view)] : []),
    qualityPanel(model, palette, view),
    ratePanel(model, palette, view),
    trafficPanel(model, palette),
    driftPanel(model, palette, view),
  ];
  const left = view.narrow ? 84 : 116;
  const right = view.narrow ? 26 : 40;
  let top = 3;
  const grids: Record<string, unknown>[] = [];
  const titles: Record<string, unknown>[] = [];
  for (const panel of panels) {
    titles.push({
      left: 0, top, text: panel.title, textStyle: { color: palette.ink, fontSize: 13, fontWeight: 600, fontFamily }, padding: 0, itemGap: 2,
      ...(view.narrow ? {} : { text: `{a|${panel.title}}   {b|${panel.note}}`, textStyle: { rich: { a: { color: palette.ink, fontSize: 13, fontWeight: 600, fontFamily }, b: { color: palette.ink3, fontSize: 11.5, fontWeight: 400, fontFamily } } } }),
    });
    grids.push({ left, right, top: top + titleHeight - 8, height: panel.height });
    top += titleHeight + panel.height + gap;
  }
  const selected = selection(model, view, palette);
  const series = panels.flatMap((panel, index) =>
    [...(selected ? [selected] : []), ...panel.series].map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index })),
  );
  const all = panels.map((_, index) => index);
  const color = versionColor(palette);
  const option = {
    useUTC: true,
    animation: false,
    textStyle: { fontFamily },
    title: titles,
    grid: grids,
    xAxis: panels.map((_, index) => xAxis(index, index === panels.length - 1, palette, model, view)),
    yAxis: panels.map((panel, index) => ({ ...panel.yAxis, gridIndex: index })),
    series,
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    tooltip: {
      trigger: 'axis', confine: true, transitionDuration: 0, backgroundColor: palette.panel, borderColor: palette.line, textStyle: { color: palette.ink, fontSize: 12 }, extraCssText: 'box-shadow:0 6px 24px rgba(0,0,0,.14)',
      formatter: (params: { axisValue: number }[]) => readout(windowsAt(model.windows, params[0]?.axisValue ?? 0), color, model.lanes),
    },
    dataZoom: [
      { type: 'slider', xAxisIndex: all, startValue: view.from, endValue: view.to, filterMode: 'none', bottom: 6, left, right, height: 18, minValueSpan: 2 * 86_400_000, borderColor: 'transparent', backgroundColor: fade(palette.ink3, 0.05), fillerColor: fade(palette.accent, 0.1), handleStyle: { color: palette.panel, borderColor: palette.accent }, moveHandleSize: 0, showDataShadow: false, showDetail: false, brushSelect: true },
      { type: 'inside', xAxisIndex: all, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: false, moveOnMouseWheel: 'shift', preventDefaultMouseMove: false },
    ],
  };
  return { option, height: top + axisHeight - gap };
}
