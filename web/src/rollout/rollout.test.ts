import { describe, expect, it } from 'vitest';
import { world } from '../../fixture/world.mjs';
import type { Decision, LiveRollout, Rollout } from '../api';
import { guardrails, newestArms, points } from './evidence';
import { stepShare, stepState } from './track';

const all = world();
const [running, rolledBack] = all.rollouts as unknown as [Rollout, Rollout];
const live = all.live as LiveRollout;
const decisions = (rollout: Rollout) => all.decisions[rollout.id as keyof typeof all.decisions] as unknown as Decision[];

describe('evidence', () => {
  it('has an interval for each decision that had one, and now', () => {
    const found = points(running, decisions(running), live);
    expect(found.map((point) => [point.label, point.percent, point.now])).toEqual([['step 1, advance', 5, false], ['now', 25, true]]);
    expect(found[0]!.margin).toBe(0.02);
    expect(found[1]!.outcomes).toBe(2870);
  });
  it('is empty before any outcome', () => {
    expect(points(running, [], { ...live, lower: 0, upper: 0 })).toEqual([]);
  });
});

describe('guardrails', () => {
  it('tell a breach from what is not known', () => {
    const states = (rollout: Rollout, from: LiveRollout | null) => guardrails(rollout, newestArms(decisions(rollout), from)).map((line) => line.state);
    expect(states(rolledBack, null)).toEqual(['breached', 'kept', 'kept']);
    expect(states(running, live)).toEqual(['kept', 'kept', 'unknown']);
  });
  it('know nothing before evidence', () => {
    expect(guardrails(running, newestArms([], null)).every((line) => line.state === 'unknown')).toBe(true);
  });
});

describe('steps', () => {
  it('are done, under way, to come, or never reached', () => {
    expect([0, 1, 2].map((index) => stepState(running, index))).toEqual(['done', 'now', 'next']);
    expect([0, 1, 2].map((index) => stepState(rolledBack, index))).toEqual(['never', 'never', 'never']);
  });
  it('that a promotion skipped are not called done', () => {
    const early: Rollout = { ...running, state: 'promoted', step: 0 };
    expect([0, 1, 2].map((index) => stepState(early, index))).toEqual(['done', 'skipped', 'done']);
  });
  it('show a share only where it is known', () => {
    expect(stepShare(running, live)).toBeCloseTo(0.7175);
    expect(stepShare(running, null)).toBeNull();
    expect(stepShare(rolledBack, live)).toBeNull();
  });
});
