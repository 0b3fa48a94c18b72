// From windows, alerts and rollouts to what the time line draws. Pure.
import type { Alert, Decision, QualityFinding, Retrain, Rollout, RolloutDetail, Window } from '../api';
import { isOpen, kindNames, stateNames } from '../words';

export interface Lane {
  name: string;
  bars: LaneBar[];
}

export interface LaneBar {
  from: number;
  to: number;
  label: string;
  tone: 'ok' | 'watch' | 'bad' | 'plain';
  ticks: number[];
  point: boolean; // a moment, not a span
  open: boolean;
}

export interface HeatCell {
  row: number;
  from: number;
  to: number;
  effect: number;
  judged: boolean;
  drifts: boolean;
  broken: QualityFinding | null;
}

export interface TimelineModel {
  versions: number[]; // in order of first traffic
  windows: Window[];
  rows: string[]; // features, then the output
  cells: HeatCell[];
  lanes: Lane[];
  from: number;
  to: number;
}

function versionsOf(windows: Window[]): number[] {
  return [...new Set(windows.map((window) => window.version))].sort((a, b) => a - b);
}

// One cell a feature and window time: the worst of the variants that served then.
function cellsOf(windows: Window[], rows: string[], output: string): HeatCell[] {
  const cells = new Map<string, HeatCell>();
  for (const { start_ms, end_ms, report } of windows) {
    rows.forEach((feature, row) => {
      const finding = feature === output ? report.output_drift : report.drift.find((one) => one.feature === feature && !one.slice);
      const broken = report.data_quality.find((one) => one.feature === feature && one.alarm) ?? null;
      const drifts = finding?.alarm === true || report.drift.some((one) => one.feature === feature && one.alarm);
      const cell = { row, from: start_ms, to: end_ms, effect: finding?.effect ?? 0, judged: report.drift_judged, drifts, broken };
      const key = `${row} ${start_ms}`;
      const held = cells.get(key);
      cells.set(key, held ? worse(held, cell) : cell);
    });
  }
  return [...cells.values()];
}

function worse(a: HeatCell, b: HeatCell): HeatCell {
  const first = !a.judged && b.judged ? b : a.judged && !b.judged ? a : a.effect >= b.effect ? a : b;
  return { ...first, drifts: a.drifts || b.drifts, broken: a.broken ?? b.broken };
}

function alertBar(alert: Alert, now: number): LaneBar {
  const tone = !isOpen(alert) ? 'plain' : alert.severity === 'critical' ? 'bad' : 'watch';
  return { from: alert.opened_event_ms, to: alert.closed_event_ms || now, label: alert.subject, tone, ticks: [], point: false, open: isOpen(alert) };
}

function rolloutBar({ rollout, decisions }: RolloutDetail, now: number): LaneBar {
  const times = decisions.map((decision) => decision.event_ms).filter((ms) => ms > 0);
  const from = Math.min(rollout.step_event_ms || now, ...times);
  const done = rollout.state === 'promoted' || rollout.state === 'rolled_back';
  const to = done ? Math.max(from, ...times) : now;
  const tone = rollout.state === 'rolled_back' ? 'bad' : rollout.state === 'promoted' ? 'ok' : rollout.state === 'held' ? 'watch' : 'plain';
  const share = rollout.plan.steps[rollout.step]?.percent;
  const word = rollout.state === 'running' ? `${share} %` : stateNames[rollout.state];
  return { from, to, label: `v${rollout.challenger.version} ${word}`, tone, ticks: times, point: false, open: !done };
}

function retrainBar(retrain: Retrain): LaneBar {
  const tone = retrain.state === 'failed' ? 'bad' : 'plain';
  return { from: retrain.event_ms, to: retrain.event_ms, label: retrain.state, tone, ticks: [], point: true, open: retrain.state === 'running' };
}

function lanesOf(alerts: Alert[], rollouts: RolloutDetail[], retrains: Retrain[], now: number): Lane[] {
  const kinds = [...new Set(alerts.map((alert) => alert.kind))];
  const lanes: Lane[] = kinds.map((kind) => ({ name: kindNames[kind] ?? kind, bars: alerts.filter((alert) => alert.kind === kind).map((alert) => alertBar(alert, now)) }));
  if (retrains.length) lanes.push({ name: 'Retraining', bars: retrains.map(retrainBar) });
  if (rollouts.length) lanes.push({ name: 'Rollout', bars: rollouts.map((one) => rolloutBar(one, now)) });
  return lanes;
}

export interface TimelineInput {
  windows: Window[];
  alerts: Alert[];
  rollouts: RolloutDetail[];
  retrains: Retrain[];
  now: number; // latest traffic time
}

export function timelineModel({ windows, alerts, rollouts, retrains, now }: TimelineInput): TimelineModel {
  const sorted = [...windows].sort((a, b) => a.start_ms - b.start_ms || a.version - b.version);
  const last = sorted.at(-1);
  const output = last?.report.output_drift.feature || 'prediction';
  const features = [...new Set(sorted.flatMap((window) => window.report.drift.filter((one) => !one.slice).map((one) => one.feature)))];
  const rows = sorted.length ? [...features, output] : [];
  const lanes = lanesOf(alerts, rollouts, retrains, now);
  return {
    versions: versionsOf(sorted),
    windows: sorted,
    rows,
    cells: cellsOf(sorted, rows, output),
    lanes,
    from: Math.min(...sorted.map((window) => window.start_ms)),
    to: Math.max(...sorted.map((window) => window.end_ms)),
  };
}

// The windows of all variants that a moment falls into.
export function windowsAt(windows: Window[], time: number): Window[] {
  return windows.filter((window) => window.start_ms <= time && time < window.end_ms);
}

// Enough outcomes are in to draw its quality, if hollow: late ones are seldom like the rest.
export function isDrawable({ report }: Window): boolean {
  return report.outcomes_judged || (report.outcomes >= 100 && report.outcome_share >= 0.8);
}

// The window with the most rows.
export function mainWindow(windows: Window[]): Window | undefined {
  return windows.reduce<Window | undefined>((best, one) => (!best || one.report.rows > best.report.rows ? one : best), undefined);
}

export function rolloutIds(rollouts: Rollout[], endpoint: string, most = 12): string[] {
  return rollouts.filter((rollout) => rollout.endpoint === endpoint).slice(0, most).map((rollout) => rollout.id);
}

export function lastDecision(decisions: Decision[]): Decision | undefined {
  return decisions.at(-1);
}
