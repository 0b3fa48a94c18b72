// The evidence of a rollout: the always-valid interval at each decision and now, against what the plan allows. Pure.
import type { EChartsCoreOption } from 'echarts/core';
import type { ArmEvidence, Decision, LiveRollout, Rollout } from '../api';
import type { Palette } from '../chart/palette';
import { fade, fontFamily } from '../chart/palette';
import { isActive, signed } from '../words';

export interface Point {
  label: string; // "advance", "now"
  step: number;
  percent: number;
  margin: number;
  difference: number;
  lower: number;
  upper: number;
  outcomes: number; // of the challenger in this step
  now: boolean;
}

export const outcomesOf = (arm: ArmEvidence | undefined): number => arm?.outcomes ?? 0;
export const lossOf = (arm: ArmEvidence | undefined): number | undefined => arm?.mean_loss;

const hasInterval = (one: { lower: number; upper: number }) => Number.isFinite(one.lower) && Number.isFinite(one.upper) && one.upper > one.lower;

export function points(rollout: Rollout, decisions: Decision[], live: LiveRollout | null): Point[] {
  const at = (step: number) => rollout.plan.steps[Math.min(step, rollout.plan.steps.length - 1)]!;
  const decided = decisions.filter(hasInterval).map((decision): Point => ({
    label: `step ${decision.step + 1}, ${decision.action}`, step: decision.step, percent: at(decision.step).percent, margin: at(decision.step).margin,
    difference: decision.difference, lower: decision.lower, upper: decision.upper, outcomes: outcomesOf(decision.evidence?.challenger), now: false,
  }));
  if (!live || !hasInterval(live)) return decided;
  const challenger = live.arms.find((arm) => arm.variant === 'challenger');
  const step = at(rollout.step);
  return [...decided, { label: 'now', step: rollout.step, percent: step.percent, margin: step.margin, difference: live.difference, lower: live.lower, upper: live.upper, outcomes: challenger?.outcomes ?? 0, now: true }];
}

export interface GuardrailLine {
  name: string;
  limit: string;
  seen: string;
  state: 'kept' | 'breached' | 'unknown';
}

interface Arms {
  champion: ArmEvidence | undefined;
  challenger: ArmEvidence | undefined;
  lower: number | undefined;
}

// The newest evidence there is: live, else of the last decision that has some.
export function newestArms(decisions: Decision[], live: LiveRollout | null): Arms {
  if (live) {
    const arm = (name: string) => live.arms.find((one) => one.variant === name);
    return { champion: arm('champion'), challenger: arm('challenger'), lower: live.lower };
  }
  const last = [...decisions].reverse().find((decision) => decision.evidence?.challenger);
  return { champion: last?.evidence?.champion, challenger: last?.evidence?.challenger, lower: last?.lower };
}

const errorRate = (arm: ArmEvidence | undefined) => (arm?.errors === undefined || !arm.requests ? undefined : arm.errors / arm.requests);
const stateOf = (seen: number | undefined, limit: number): GuardrailLine['state'] => (seen === undefined || !Number.isFinite(seen) ? 'unknown' : seen > limit ? 'breached' : 'kept');

export function guardrails(rollout: Rollout, { champion, challenger, lower }: Arms): GuardrailLine[] {
  const none = isActive(rollout) ? 'not seen yet' : 'not recorded';
  const rules = rollout.plan.guardrails;
  const ratio = champion?.latency_p99_us && challenger?.latency_p99_us ? challenger.latency_p99_us / champion.latency_p99_us : undefined;
  const [before, after] = [errorRate(champion), errorRate(challenger)];
  const errors = before === undefined || after === undefined ? undefined : after - before;
  const loss = outcomesOf(challenger) > 0 ? lower : undefined;
  return [
    { name: 'Loss: lower bound of the difference', limit: `at most ${rules.max_loss_increase === 0 ? '0: not surely worse' : signed(rules.max_loss_increase)}`, seen: loss === undefined ? none : signed(loss), state: stateOf(loss, rules.max_loss_increase) },
    { name: 'Latency: p99 against the champion', limit: `at most ${rules.max_latency_ratio} ×`, seen: ratio === undefined ? none : `${ratio.toFixed(2)} ×`, state: stateOf(ratio, rules.max_latency_ratio) },
    { name: 'Errors: rate above the champion’s', limit: `at most ${(rules.max_error_rate_increase * 100).toFixed(1)} points`, seen: errors === undefined ? 'not counted' : `${signed(errors * 100, 2)} points`, state: stateOf(errors, rules.max_error_rate_increase) },
  ];
}

interface Draw {
  value: (dimension: number) => number;
  coord: (point: [number, number]) => [number, number];
  size: (span: [number, number]) => [number, number];
}

function drawInterval(all: Point[], palette: Palette) {
  return (_: unknown, api: Draw) => {
    const point = all[api.value(0)]!;
    const color = point.lower > 0 ? palette.bad : point.upper < 0 ? palette.ok : palette.accent;
    const [low, y] = api.coord([point.lower, api.value(0)]);
    const [high] = api.coord([point.upper, api.value(0)]);
    const [mean] = api.coord([point.difference, api.value(0)]);
    return {
      type: 'group',
      children: [
        { type: 'rect', shape: { x: low, y: y - 5, width: high - low, height: 10, r: 5 }, style: { fill: fade(color, point.now ? 0.28 : 0.4), stroke: color, lineWidth: 1, lineDash: point.now ? [4, 3] : [] } },
        { type: 'circle', shape: { cx: mean, cy: y, r: 4.5 }, style: { fill: color, stroke: palette.panel, lineWidth: 1.5 } },
      ],
    };
  };
}

function drawMargin(all: Point[], palette: Palette) {
  return (_: unknown, api: Draw) => {
    const point = all[api.value(0)]!;
    const [x, y] = api.coord([point.margin, api.value(0)]);
    const half = Math.abs(api.size([0, 1])[1]) / 2;
    return { type: 'line', shape: { x1: x, y1: y - half, x2: x, y2: y + half }, style: { stroke: palette.watch, lineWidth: 1.4, lineDash: [4, 3] } };
  };
}

export function evidenceOption(all: Point[], palette: Palette, narrow: boolean): { option: EChartsCoreOption; height: number } {
  const reach = Math.max(0.01, ...all.flatMap((point) => [Math.abs(point.lower), Math.abs(point.upper), point.margin])) * 1.12;
  const rows = all.map((point) => `${point.label}\n{q|${point.percent} %, ${point.outcomes.toLocaleString('en-US')} outcomes}`);
  const custom = (renderItem: unknown, data: unknown[]) => ({ type: 'custom', silent: true, animation: false, clip: true, data, renderItem, encode: { x: 1, y: 0 } });
  const option = {
    animation: false,
    textStyle: { fontFamily },
    grid: { left: narrow ? 118 : 150, right: 24, top: 30, bottom: 28 },
    xAxis: {
      type: 'value', min: -reach, max: reach, splitNumber: narrow ? 3 : 6, axisLine: { show: false }, axisTick: { show: false }, splitLine: { lineStyle: { color: palette.line } },
      axisLabel: { color: palette.ink3, fontSize: 11, showMinLabel: false, showMaxLabel: false, formatter: (value: number) => (value === 0 ? '0' : signed(value, 2)) },
    },
    yAxis: {
      type: 'category', inverse: true, data: rows, axisLine: { show: false }, axisTick: { show: false },
      axisLabel: { color: palette.ink, fontSize: 12, lineHeight: 16, margin: 14, rich: { q: { color: palette.ink3, fontSize: 11, lineHeight: 16 } } },
    },
    series: [
      { type: 'line', data: [[0, 0]], showSymbol: false, silent: true, markArea: { silent: true, animation: false, itemStyle: { color: fade(palette.ok, 0.07) }, data: [[{ xAxis: -reach }, { xAxis: 0 }]], label: { show: false } } },
      custom(drawMargin(all, palette), all.map((point, index) => [index, point.margin])),
      custom(drawInterval(all, palette), all.map((point, index) => [index, point.difference])),
    ],
    title: [
      { left: narrow ? 118 : 150, top: 3, text: '← challenger better', textStyle: { color: palette.ink3, fontSize: 11, fontWeight: 400, fontFamily }, padding: 0 },
      { right: 24, top: 3, text: 'worse →', textStyle: { color: palette.ink3, fontSize: 11, fontWeight: 400, fontFamily }, padding: 0 },
    ],
  };
  return { option, height: 64 + Math.max(1, all.length) * 54 };
}
