// How the time line's own marks are drawn. Each function gives a renderItem of an ECharts custom series.
import type { Palette } from '../chart/palette';
import { fade, fontFamily } from '../chart/palette';
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
  return cell.drifts && cell.judged ? '▲' : '';
}

function cellColor(cell: HeatCell, threshold: number, palette: Palette): string {
  if (cell.broken) return palette.bad;
  if (cell.drifts && cell.judged) return palette.watch;
  const share = Math.min(1, cell.effect / threshold);
  return cell.judged ? fade(palette.heat, 0.07 + 0.7 * share) : fade(palette.ink3, 0.04 + 0.16 * share);
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
      children.push({ type: 'text', style: { text: sign(cell), x: (left + right) / 2, y, fill: palette.panel, font: `700 10px ${fontFamily}`, align: 'center', verticalAlign: 'middle' } });
    return { type: 'group', children };
  };
}

function moment(x: number, y: number, color: string): Shape {
  return { type: 'path', shape: { pathData: `M${x} ${y - 6}L${x + 6} ${y}L${x} ${y + 6}L${x - 6} ${y}Z` }, style: { fill: color } };
}

export interface Span {
  left: number;
  right: number;
}

export interface Placed {
  x: number;
  align: 'left' | 'right';
}

// Where a label of this width fits without touching a neighbour or the frame: in its bar, right of it, left of it.
export function place(bar: Span, width: number, frame: Span, others: Span[]): Placed | null {
  const visible = { left: Math.max(bar.left, frame.left), right: Math.min(bar.right, frame.right) };
  if (visible.right < frame.left || visible.left > frame.right) return null;
  const free = (span: Span) => span.left >= frame.left && span.right <= frame.right && !others.some((other) => other.left < span.right + 3 && other.right > span.left - 3);
  if (visible.right - visible.left > width + 10) return { x: visible.left + 6, align: 'left' };
  if (free({ left: visible.right + 5, right: visible.right + 5 + width })) return { x: visible.right + 5, align: 'left' };
  if (free({ left: visible.left - 5 - width, right: visible.left - 5 })) return { x: visible.left - 5, align: 'right' };
  return null;
}

type LaneRow = LaneBar & { row: number };

// Bars of the lanes: a span with its label, ticks where something was decided; dashed while it lasts.
export function drawLane(bars: LaneRow[], tone: (name: LaneBar['tone']) => string, palette: Palette) {
  return (params: Params, api: Draw): Shape => {
    const bar = bars[api.value(3)]!;
    const color = tone(bar.tone);
    const at = (time: number) => api.coord([time, bar.row])[0];
    const y = api.coord([bar.from, bar.row])[1];
    if (bar.point) return { type: 'group', children: [moment(at(bar.from), y, color)] };
    const spanOf = (one: LaneRow): Span => ({ left: at(one.from), right: Math.max(at(one.to), at(one.from) + 4) });
    const { left, right } = spanOf(bar);
    const frame = { left: params.coordSys.x, right: params.coordSys.x + params.coordSys.width };
    const others = bars.filter((one) => one.row === bar.row && one !== bar).map(spanOf);
    const label = place({ left, right }, bar.label.length * 5.9, frame, others);
    return {
      type: 'group',
      children: [
        { type: 'rect', shape: { x: left, y: y - 8, width: right - left, height: 16, r: 4 }, style: { fill: fade(color, 0.2), stroke: color, lineWidth: 1, lineDash: bar.open ? [4, 3] : [] } },
        ...bar.ticks.map((time) => ({ type: 'line', shape: { x1: at(time), y1: y - 8, x2: at(time), y2: y + 8 }, style: { stroke: color, lineWidth: 2 } })),
        ...(label ? [{ type: 'text', style: { text: bar.label, x: label.x, y, fill: palette.ink, font: `11px ${fontFamily}`, align: label.align, verticalAlign: 'middle' } }] : []),
      ],
    };
  };
}
