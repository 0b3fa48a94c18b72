// The words beside the pointer: every figure of the windows at one moment. HTML text, escaped here.
import { day, fixed, percent, count, span } from '../words';
import type { Window } from '../api';
import { type Lane, isDrawable } from './model';

export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function figure(name: string, value: string): string {
  return `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`;
}

function worst(window: Window): string {
  const top = [...window.report.drift].filter((one) => !one.slice).sort((a, b) => b.effect - a.effect)[0];
  return top ? `${top.feature} ${fixed(top.effect, 3)}` : '–';
}

function part(window: Window, color: string): string {
  const { performance: p, concept_drift: c, ...report } = window.report;
  const judged = isDrawable(window)
    ? figure('log loss', `${fixed(p.log_loss)} (${fixed(p.log_loss_lower)} to ${fixed(p.log_loss_upper)})`) +
      figure('AUC', `${fixed(p.auc, 3)} (${fixed(p.auc_lower, 3)} to ${fixed(p.auc_upper, 3)})`) +
      figure('predicted, observed', `${percent(c.predicted_mean)}, ${percent(c.observed_mean)}`)
    : figure('quality', 'too few outcomes yet');
  const broken = report.data_quality.filter((one) => one.alarm).map((one) => figure('broken', `${one.feature}${one.slice ? ` where ${one.slice}` : ''}`)).join('');
  return `<section><h4><i style="background:${color}"></i>version ${window.version} ${escape(window.variant)}</h4><dl>${judged}${figure('rows', count(report.rows))}${figure('most drift', worst(window))}${broken}</dl></section>`;
}

// What the lanes show in a span of time.
export function happened(lanes: Lane[], from: number, to: number): string[] {
  return lanes.flatMap((lane) => lane.bars.filter((bar) => bar.from < to && bar.to >= from).map((bar) => `${lane.name}: ${bar.label}`));
}

export function readout(windows: Window[], colorOf: (version: number) => string, lanes: Lane[]): string {
  const first = windows[0];
  if (!first) return '';
  const title = first.kind === 'day' ? day(first.start_ms) : span(first.start_ms, first.end_ms);
  const lines = happened(lanes, first.start_ms, first.end_ms).map((line) => `<p>${escape(line)}</p>`);
  return `<div class="readout"><h3>${escape(title)}</h3>${lines.join('')}${windows.map((window) => part(window, colorOf(window.version))).join('')}</div>`;
}
