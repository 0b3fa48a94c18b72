import { describe, expect, it } from 'vitest';
import { world } from '../../fixture/world.mjs';
import type { Status, Window } from '../api';
import { sparkPoints } from '../home/spark';
import { press } from './keys';
import { find } from './search';

describe('keys', () => {
  it('go after g, while it is fresh', () => {
    const [led] = press({ leader: null }, 'g', 1000);
    expect(press(led, 'h', 1500)[1]).toEqual({ kind: 'go', place: 'home' });
    expect(press(led, 'h', 9000)[1]).toBeNull();
    expect(press(led, 'z', 1100)).toEqual([{ leader: null }, null]);
  });
  it('search and help', () => {
    expect(press({ leader: null }, '/', 0)[1]).toEqual({ kind: 'search' });
    expect(press({ leader: null }, '?', 0)[1]).toEqual({ kind: 'help' });
  });
});

describe('search', () => {
  const status = world().status as unknown as Status;
  it('wants every word', () => {
    expect(find(status, 'rollout version 3').map((one) => one.href)).toEqual(['/rollouts/ro-0193b2']);
    expect(find(status, 'nothing like this')).toEqual([]);
  });
  it('offers what looks like an id as a prediction', () => {
    expect(find(status, 'replay-1:2').at(-1)?.href).toBe('/predictions/replay-1%3A2');
  });
});

describe('the spark line', () => {
  it('has each judged week once, of the variant with the most outcomes', () => {
    const points = sparkPoints(world().windows.week as unknown as Window[]);
    expect(points.length).toBe(10);
    expect(points.every((point, index) => index === 0 || point.at > points[index - 1]!.at)).toBe(true);
  });
});
