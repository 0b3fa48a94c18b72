// How the time line's own marks are drawn. Each function gives a renderItem of an ECharts custom series.
import type { Palette } from '../chart/palette';
import { fade } from '../chart/palette';
import type { HeatCell, LaneBar } from './model';

// The little that is used of ECharts' drawing interface.
export interface Draw {
  value: (dimension: number) => number;
  coord: (point: [number, number]) => [number, number];
  size: (span: [number, number]) => [number, number];
}
interface Params {
  coordSys: { x: number; y: number; width: number; height: number };
}
type Shape = Record<string, unknown>;

// A vertical bar with short ends from data[1] to data[2] at data[0].
export function drawInterval(color: string) {
  return (_: unknown, api: Draw): Shape => {
    const [x, low] = api.coord([api.value(0), api.value(1)]);
    const [, high] = api.coord([api.value(0), api.value(2)]);
    const end = 4;
    const path = `M${x - end} ${low}H${x + end}M${x - end} ${high}H${x + end}M${x} ${low}V${high}`;
    return { type: 'path', shape: { pathData: path }, style: { stroke: color, fill: 'none', lineWidth: 1.4 } };
  };
}

// A dashed level at data[1] from data[0] to data[2].
export function drawLevel(color: string) {
  return (_: unknown, api: Draw): Shape => {
    const [from, y] = api.coord([api.value(0), api.value(1)]);
    const [to] = api.coord([api.value(2), api.value(1)]);
    return { type: 'line', shape: { x1: from, y1: y, x2: to, y2: y }, style: { stroke: color, lineWidth: 1.2, lineDash: [6, 4] } };
  };
}

// A bar from (data[0], data[1]) to (data[2], data[3]) in the colour of version data[4].
export function drawTraffic(color: (version: number) => string) {
  return (_: unknown, api: Draw): Shape => {
    const [left, bottom] = api.coord([api.value(0), api.value(1)]);
    const [right, top] = api.coord([api.value(2), api.value(3)]);
    const width = Math.max(1, right - left - 1.5);
    return { type: 'rect', shape: { x: left + 0.75, y: top, width, height: Math.max(0.5, bottom - top) }, style: { fill: fade(color(api.value(4)), 0.75) } };
  };
}

function sign(cell: HeatCell): string {
  if (cell.broken) return '✕';
  return cell.drifts ? '▲' : '';
}

function cellColor(cell: HeatCell, threshold: number, palette: Palette): string {
  if (!cell.judged) return fade(palette.ink3, 0.05);
  if (cell.broken) return palette.bad;
  if (cell.drifts) return palette.watch;
  return fade(palette.heat, 0.06 + 0.6 * Math.min(1, cell.effect / threshold));
}

export function drawHeat(cells: HeatCell[], threshold: number, palette: Palette) {
  return (_: unknown, api: Draw): Shape => {
    const cell = cells[api.value(3)]!;
    const [left, y] = api.coord([cell.from, cell.row]);
    const [right] = api.coord([cell.to, cell.row]);
    const height = Math.abs(api.size([0, 1])[1]);
    const box = { x: left + 0.75, y: y - height / 2 + 1, width: Math.max(1, right - left - 1.5), height: height - 2, r: 2 };
    const children: Shape[] = [{ type: 'rect', shape: box, style: { fill: cellColor(cell, threshold, palette) } }];
    if (sign(cell) && box.width > 6)
      children.push({ type: 'text', style: { text: sign(cell), x: (left + right) / 2, y, fill: palette.panel, fontSize: 10, fontWeight: 700, align: 'center', verticalAlign: 'middle' } });
    return { type: 'group', children };
  };
}

function moment(x: number, y: number, color: string): Shape {
  return { type: 'path', shape: { pathData: `M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z` }, style: { fill: color } };
}

// Bars of the lanes: a span with its label, ticks where something was decided; open ends fade.
export function drawLane(bars: (LaneBar & { row: number })[], tone: (name: LaneBar['tone']) => string, palette: Palette) {
  return (params: Params, api: Draw): Shape => {
    const bar = bars[api.value(3)]!;
    const color = tone(bar.tone);
    const [left, y] = api.coord([bar.from, bar.row]);
    if (bar.point) return { type: 'group', children: [moment(left, y, color)] };
    const [end] = api.coord([bar.to, bar.row]);
    const right = Math.max(end, left + 4);
    const frame = params.coordSys;
    const from = Math.max(left, frame.x);
    const room = Math.min(right, frame.x + frame.width) - from;
    const width = bar.label.length * 6.1 + 12;
    const inside = room > width;
    const before = !inside && right + width > frame.x + frame.width;
    const x = inside ? from + 7 : before ? left - 5 : right + 5;
    const ticks = bar.ticks.map((time) => api.coord([time, bar.row])[0]);
    return {
      type: 'group',
      children: [
        { type: 'rect', shape: { x: left, y: y - 8, width: right - left, height: 16, r: 4 }, style: { fill: fade(color, 0.2), stroke: color, lineWidth: 1, lineDash: bar.open ? [4, 3] : [] } },
        ...ticks.map((at) => ({ type: 'line', shape: { x1: at, y1: y - 8, x2: at, y2: y + 8 }, style: { stroke: color, lineWidth: 2 } })),
        { type: 'text', style: { text: bar.label, x, y, fill: palette.ink, fontSize: 11, align: before ? 'right' : 'left', verticalAlign: 'middle' } },
      ],
    };
  };
}
