// The time line as one ECharts option: panels on one time axis. Pure: model and palette in, option out.
import type { EChartsCoreOption } from 'echarts/core';
import type { Palette } from '../chart/palette';
import { fade } from '../chart/palette';
import { drawHeat, drawInterval, drawLane, drawLevel, drawTraffic } from './draw';
import { type TimelineModel, mainWindow, windowsAt } from './model';
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

type Point = [number, ...(number | null)[]];

const laneHeight = 24;
const rowHeight = 22;

function versionColor(model: TimelineModel, palette: Palette): (version: number) => string {
  return (version) => palette.versions[model.versions.indexOf(version) % palette.versions.length] ?? palette.ink2;
}

const middle = (window: { start_ms: number; end_ms: number }) => (window.start_ms + window.end_ms) / 2;

const level = (view: TimelineView) => `${Number(((1 - view.alpha) * 100).toFixed(2))} %`;

function lanesPanel(model: TimelineModel, palette: Palette): Panel {
  const tones = { ok: palette.ok, watch: palette.watch, bad: palette.bad, plain: palette.ink3 };
  const bars = model.lanes.flatMap((lane, row) => lane.bars.map((bar) => ({ ...bar, row })));
  return {
    title: 'What happened',
    note: 'alerts, retrainings, rollouts and their decisions',
    height: Math.max(1, model.lanes.length) * laneHeight,
    yAxis: categories(model.lanes.map((lane) => lane.name), palette),
    series: [custom(bars.map((bar, index) => [bar.from, bar.row, bar.to, index]), drawLane(bars, (tone) => tones[tone], palette))],
  };
}

function judgedOf(model: TimelineModel, version: number) {
  return model.windows.filter((window) => window.version === version && window.report.outcomes_judged);
}

function line(data: Point[], color: string, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'line', data, color, symbol: 'circle', symbolSize: 6, showSymbol: true, lineStyle: { width: 2, color }, itemStyle: { color },
    silent: true, animation: false, emphasis: { disabled: true }, connectNulls: false, ...extra,
  };
}

function custom(data: unknown[], renderItem: unknown, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return { type: 'custom', data, renderItem, clip: true, silent: true, animation: false, encode: { x: 0, y: 1 }, ...extra };
}

function qualityPanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  const color = versionColor(model, palette);
  const loss = view.metric === 'log_loss';
  const series = model.versions.flatMap((version) => {
    const windows = judgedOf(model, version);
    const value = windows.map(({ report: { performance: p }, ...window }): Point => [middle(window), loss ? p.log_loss : p.auc]);
    const spread = windows.map(({ report: { performance: p }, ...window }) => [middle(window), loss ? p.log_loss_lower : p.auc_lower, loss ? p.log_loss_upper : p.auc_upper]);
    const reference = windows.map(({ report: { performance: p }, ...window }) => [window.start_ms, loss ? p.reference_log_loss : p.reference_auc, window.end_ms]);
    return [
      custom(reference, drawLevel(fade(color(version), 0.55))),
      custom(spread, drawInterval(color(version)), { encode: { x: 0, y: [1, 2] } }),
      line(value, color(version), { endLabel: { show: true, formatter: `v${version}`, color: color(version), fontWeight: 600, distance: 6 } }),
    ];
  });
  const constant = loss ? [line(constantLine(model), palette.ink3, { showSymbol: false, lineStyle: { width: 1.2, type: [2, 4], color: palette.ink3 } })] : [];
  return {
    title: loss ? 'Log loss' : 'AUC',
    note: loss ? `bars: ${level(view)} interval; dashes: held-out data when made; dots: a constant guess` : `bars: ${level(view)} interval; dashes: held-out data when made`,
    height: 150,
    yAxis: values(palette, { formatter: (value: number) => value.toFixed(2) }),
    series: [...constant, ...series],
  };
}

function constantLine(model: TimelineModel): Point[] {
  const starts = [...new Set(model.windows.map((window) => window.start_ms))];
  return starts.flatMap((start): Point[] => {
    const main = mainWindow(model.windows.filter((window) => window.start_ms === start && window.report.outcomes_judged));
    return main ? [[middle(main), main.report.performance.log_loss_constant]] : [];
  });
}

function ratePanel(model: TimelineModel, palette: Palette, view: TimelineView): Panel {
  const color = versionColor(model, palette);
  const series = model.versions.flatMap((version) => {
    const windows = judgedOf(model, version);
    const predicted = windows.map(({ report: { concept_drift: c }, ...window }): Point => [middle(window), c.predicted_mean]);
    const spread = windows.map(({ report: { concept_drift: c }, ...window }) => [middle(window), c.predicted_mean - c.upper, c.predicted_mean - c.lower]);
    return [
      custom(spread, drawInterval(fade(palette.ink, 0.75)), { encode: { x: 0, y: [1, 2] } }),
      line(predicted, color(version), { symbol: 'emptyCircle', lineStyle: { width: 1.6, color: color(version) } }),
    ];
  });
  const starts = [...new Set(model.windows.map((window) => window.start_ms))];
  const observed = starts.flatMap((start): Point[] => {
    const main = mainWindow(model.windows.filter((window) => window.start_ms === start && window.report.outcomes_judged));
    return main ? [[middle(main), main.report.concept_drift.observed_mean]] : [];
  });
  return {
    title: 'Predicted and observed rate',
    note: `rings: predicted, by version; dots: observed, its ${level(view)} interval with days as clusters`,
    height: 120,
    yAxis: values(palette, { formatter: (value: number) => `${Math.round(value * 100)} %` }),
    series: [...series, line(observed, palette.ink, { lineStyle: { width: 1.6, color: fade(palette.ink, 0.75) } })],
  };
}

function trafficPanel(model: TimelineModel, palette: Palette): Panel {
  const color = versionColor(model, palette);
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
    note: `darker: further (Jensen–Shannon distance, alarm from ${view.minDrift}); ▲ drift alarm, ✕ data quality alarm`,
    height: Math.max(1, model.rows.length) * rowHeight,
    yAxis: categories(model.rows, palette),
    series: [custom(model.cells.map((cell, index) => [cell.from, cell.row, cell.to, index]), drawHeat(model.cells, view.minDrift, palette))],
  };
}

function categories(names: string[], palette: Palette): Record<string, unknown> {
  return {
    type: 'category', data: names, inverse: true, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { color: palette.ink2, fontSize: 11, width: 84, overflow: 'truncate', interval: 0, margin: 8 }, axisPointer: { show: false },
  };
}

function values(palette: Palette, label: Record<string, unknown>, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'value', scale: true, splitNumber: 3, axisLabel: { color: palette.ink3, fontSize: 11, margin: 8, ...label }, axisPointer: { show: false },
    axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: palette.line } }, ...extra,
  };
}

function xAxis(index: number, last: boolean, palette: Palette, model: TimelineModel): Record<string, unknown> {
  return {
    type: 'time', gridIndex: index, min: model.from, max: model.to, axisLine: { show: false }, axisTick: { show: false }, splitLine: { show: false },
    axisLabel: { show: last, color: palette.ink3, fontSize: 11, hideOverlap: true, margin: 10, formatter: { year: '{d} {MMM}', month: '{d} {MMM}', day: '{d} {MMM}', hour: '{HH}:{mm}' } },
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
    ...(model.lanes.length ? [lanesPanel(model, palette)] : []),
    qualityPanel(model, palette, view),
    ratePanel(model, palette, view),
    trafficPanel(model, palette),
    driftPanel(model, palette, view),
  ];
  const left = view.narrow ? 78 : 104;
  const right = view.narrow ? 26 : 40;
  let top = 0;
  const grids: Record<string, unknown>[] = [];
  const titles: Record<string, unknown>[] = [];
  for (const panel of panels) {
    titles.push({
      left: 0, top, text: panel.title, textStyle: { color: palette.ink, fontSize: 13, fontWeight: 600 }, padding: 0, itemGap: 2,
      ...(view.narrow ? {} : { text: `{a|${panel.title}}   {b|${panel.note}}`, textStyle: { rich: { a: { color: palette.ink, fontSize: 13, fontWeight: 600 }, b: { color: palette.ink3, fontSize: 11.5, fontWeight: 400 } } } }),
    });
    grids.push({ left, right, top: top + titleHeight - 8, height: panel.height });
    top += titleHeight + panel.height + gap;
  }
  const selected = selection(model, view, palette);
  const series = panels.flatMap((panel, index) =>
    [...(selected ? [selected] : []), ...panel.series].map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index })),
  );
  const all = panels.map((_, index) => index);
  const color = versionColor(model, palette);
  const option = {
    useUTC: true,
    animation: false,
    textStyle: { fontFamily: '"Inter Variable", system-ui, sans-serif' },
    title: titles,
    grid: grids,
    xAxis: panels.map((_, index) => xAxis(index, index === panels.length - 1, palette, model)),
    yAxis: panels.map((panel, index) => ({ ...panel.yAxis, gridIndex: index })),
    series,
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    tooltip: {
      trigger: 'axis', confine: true, transitionDuration: 0, backgroundColor: palette.panel, borderColor: palette.line, textStyle: { color: palette.ink, fontSize: 12 }, extraCssText: 'box-shadow:0 6px 24px rgba(0,0,0,.14)',
      formatter: (params: { axisValue: number }[]) => readout(windowsAt(model.windows, params[0]?.axisValue ?? 0), color, palette),
    },
    dataZoom: [
      { type: 'slider', xAxisIndex: all, startValue: view.from, endValue: view.to, filterMode: 'none', bottom: 6, left, right, height: 18, minValueSpan: 2 * 86_400_000, borderColor: 'transparent', backgroundColor: fade(palette.ink3, 0.08), fillerColor: fade(palette.accent, 0.16), handleStyle: { color: palette.panel, borderColor: palette.accent }, moveHandleSize: 0, showDataShadow: false, showDetail: false, brushSelect: true },
      { type: 'inside', xAxisIndex: all, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: false, moveOnMouseWheel: 'shift', preventDefaultMouseMove: false },
    ],
  };
  return { option, height: top + axisHeight - gap };
}
