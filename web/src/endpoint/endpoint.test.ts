import { describe, expect, it } from 'vitest';
import { world } from '../../fixture/world.mjs';
import type { Alert, Retrain, RolloutDetail, Window } from '../api';
import type { Palette } from '../chart/palette';
import { type TimelineInput, isDrawable, mainWindow, timelineModel, windowsAt } from './model';
import { place } from './draw';
import { escape, readout } from './readout';
import { ticks, timelineOption } from './timeline';

const all = world();
const weeks = all.windows.week as unknown as Window[];
const now = all.endpoint.watermark_ms;
const input: TimelineInput = {
  windows: weeks,
  alerts: all.alerts as Alert[],
  retrains: all.retrains as Retrain[],
  rollouts: all.rollouts.map((rollout) => ({ rollout, decisions: all.decisions[rollout.id as keyof typeof all.decisions], live: null })) as unknown as RolloutDetail[],
  now,
};
const model = timelineModel(input);
const at = (date: string) => Date.parse(`${date}T00:00:00Z`);

describe('the model of the time line', () => {
  it('has one cell a feature and time, with the worst of the variants', () => {
    expect(model.rows).toEqual(['hour', 'weekday', 'distance', 'origin', 'destination', 'late_probability']);
    expect(model.cells.length).toBe(model.rows.length * new Set(weeks.map((week) => week.start_ms)).size);
    const hour = model.cells.find((cell) => cell.row === 0 && cell.from === at('2001-05-28'));
    expect(hour?.drifts).toBe(true); // the challenger's
    const distance = model.cells.find((cell) => cell.row === 2 && cell.from === at('2001-05-21'));
    expect(distance?.broken?.slice).toBe('origin = ATL');
  });
  it('ends open alerts and running rollouts at the newest traffic', () => {
    const lane = (name: string) => model.lanes.find((one) => one.name === name)!;
    expect(lane('Concept drift').bars.filter((bar) => bar.open).map((bar) => bar.to)).toEqual([now]);
    expect(lane('Rollout').bars.map((bar) => [bar.label, bar.open])).toEqual([['v4 25 %', true], ['v3 rolled back', false], ['v2 promoted', false]]);
  });
  it('finds the windows of a moment, the end excluded', () => {
    expect(windowsAt(weeks, at('2001-05-14')).map((week) => week.version)).toEqual([1, 2]);
    expect(windowsAt(weeks, at('2001-05-14') - 1).map((week) => week.version)).toEqual([1]);
    expect(mainWindow(windowsAt(weeks, at('2001-05-30')))?.version).toBe(2);
  });
  it('does not draw quality from a part of the outcomes', () => {
    const last = weeks.filter((week) => week.start_ms === at('2001-06-11'));
    expect(last.map(isDrawable)).toEqual([false, false]);
  });
  it('has nothing to show without windows', () => {
    const none = timelineModel({ ...input, windows: [] });
    expect([none.rows, none.cells, none.versions]).toEqual([[], [], []]);
  });
});

describe('the chart', () => {
  const palette = Object.fromEntries(['ink', 'ink2', 'ink3', 'line', 'panel', 'paper', 'accent', 'ok', 'watch', 'bad', 'heat'].map((name) => [name, '#102030'])) as unknown as Palette;
  palette.versions = ['#111111', '#222222', '#333333', '#444444', '#555555'];
  const view = { metric: 'log_loss' as const, from: model.from, to: model.to, selected: at('2001-06-04'), narrow: false, minDrift: 0.1, alpha: 0.01 };
  it('has every panel on one time axis', () => {
    const { option } = timelineOption(model, palette, view);
    const axes = option.xAxis as { min: number; max: number }[];
    expect(axes.length).toBe(5);
    expect(new Set(axes.map((axis) => `${axis.min} ${axis.max}`)).size).toBe(1);
    expect((option.dataZoom as { xAxisIndex: number[] }[]).every((zoom) => zoom.xAxisIndex.length === 5)).toBe(true);
  });
  it('says the level of its intervals and its threshold', () => {
    const text = JSON.stringify(timelineOption(model, palette, { ...view, alpha: 0.05, minDrift: 0.2 }).option.title);
    expect(text).toContain('95 % interval');
    expect(text).toContain('alarm from 0.2');
  });
  it('labels starts of windows, as many as fit', () => {
    expect(ticks([1, 2, 3, 4, 5, 6, 6], 2, 6, 2)).toEqual([2, 4]);
    expect(ticks([1, 2], 5, 6, 3)).toEqual([]);
  });
});

describe('a label', () => {
  const frame = { left: 0, right: 300 };
  it.each([
    ['in its bar', { left: 10, right: 200 }, [], { x: 16, align: 'left' }],
    ['right of it', { left: 10, right: 20 }, [], { x: 25, align: 'left' }],
    ['left of it at the end', { left: 280, right: 290 }, [], { x: 275, align: 'right' }],
    ['nowhere between neighbours', { left: 100, right: 110 }, [{ left: 60, right: 90 }, { left: 120, right: 150 }], null],
    ['nowhere outside', { left: 400, right: 500 }, [], null],
  ] as const)('goes %s', (_, bar, others, placed) => {
    expect(place(bar, 60, frame, [...others])).toEqual(placed);
  });
});

describe('the readout', () => {
  it('escapes what users named', () => {
    expect(escape('<b>&"')).toBe('&#60;b&#62;&#38;&#34;');
    const evil = { ...weeks[0]!, variant: '<img src=x>' };
    expect(readout([evil], () => '#111', [])).not.toContain('<img');
  });
  it('says what happened then', () => {
    expect(readout(windowsAt(weeks, at('2001-05-21')), () => '#111', model.lanes)).toContain('Data quality: distance where origin = ATL');
  });
});
