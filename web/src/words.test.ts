import { describe, expect, it } from 'vitest';
import { world, calmWorld } from '../fixture/world.mjs';
import type { EndpointStatus, Rollout, Status } from './api';
import { answer, consequence, day, percent, sentence, signed, span, trafficNow, unbroken } from './words';

const status = world().status as unknown as Status;
const may = Date.UTC(2001, 4, 21);
const dayMs = 86_400_000;

function withStates(...states: EndpointStatus['state'][]): Status {
  const endpoints = states.map((state, index) => ({ ...status.endpoints[0]!, name: `e${index}`, state }));
  return { ...status, endpoints };
}

describe('the answer', () => {
  it.each([
    [[], 'unknown', 'Nothing is deployed yet.'],
    [['healthy'], 'healthy', 'Your model is in fine fettle.'],
    [['healthy', 'healthy'], 'healthy', 'All 2 endpoints are in fine fettle.'],
    [['healthy', 'watch'], 'watch', 'e1 is being watched closely.'],
    [['broken', 'watch', 'broken'], 'broken', 'e0 and e2 need you.'],
    [['unknown'], 'unknown', 'Too early to say.'],
    [['healthy', 'unknown'], 'healthy', 'e0 in fine fettle, 1 too early to say.'],
  ] as const)('of %j is %s', (states, state, headline) => {
    expect(answer(withStates(...states))).toEqual({ state, headline });
  });
  it('is calm when the world is', () => {
    expect(answer(calmWorld().status as unknown as Status).state).toBe('healthy');
  });
});

describe('times', () => {
  it('are UTC and name the last day of a window, not its end', () => {
    expect(span(may, may + 7 * dayMs)).toBe('21–27 May 2001');
    expect(span(may + 7 * dayMs, may + 14 * dayMs)).toBe('28 May – 3 Jun 2001');
    expect(span(may, may + dayMs)).toBe('21 May 2001');
    expect(day(may, may + dayMs)).toBe('21 May');
  });
  it('of the traffic end with the newest event', () => {
    expect(trafficNow(status)).toBe(status.endpoints[0]!.watermark_ms);
  });
});

describe('numbers', () => {
  it('carry a sign, but zero has none', () => {
    expect([signed(0.01234), signed(-0.5, 1), signed(-0.00001)]).toEqual(['+0.0123', '−0.5', '0.0000']);
    expect(percent(0.2414)).toBe('24.1 %');
  });
  it('stay with their units', () => {
    expect(unbroken('version 4 gets 25 % where origin = ATL')).toBe('version\u00a04 gets 25\u00a0% where origin\u00a0=\u00a0ATL');
    expect(sentence('late')).toBe('Late.');
    expect(sentence('late_probability: worse')).toBe('late_probability: worse.');
    expect(sentence('Late?')).toBe('Late?');
  });
});

describe('what a command will do', () => {
  const rollout = status.rollouts[0] as Rollout;
  it('names the versions and the share of traffic', () => {
    expect(consequence('promote', rollout).will[0]).toBe('all traffic of flights goes to version 4, from 25 % now');
    expect(consequence('rollback', rollout).title).toBe('Roll back to version 2');
    expect(consequence('hold', rollout).danger).toBe(false);
  });
});
