// The steps of a rollout: done, under way, to come.
import type { LiveRollout, Rollout } from '../api';

export type StepState = 'done' | 'now' | 'next' | 'never' | 'skipped';

export function stepState(rollout: Rollout, index: number): StepState {
  const last = index === rollout.plan.steps.length - 1; // all traffic, which a promotion gives
  if (rollout.state === 'promoted') return index <= rollout.step || last ? 'done' : 'skipped';
  if (index < rollout.step) return 'done';
  if (rollout.state === 'rolled_back') return 'never';
  return index === rollout.step ? 'now' : 'next';
}

const words: Record<StepState, string> = { done: 'done', now: 'under way', next: 'to come', never: 'not reached', skipped: 'skipped' };

// How much of the outcomes that the running step asks for has come in; null where it is not known.
export function stepShare(rollout: Rollout, live: LiveRollout | null | undefined): number | null {
  const asked = rollout.plan.steps[rollout.step]?.min_outcomes ?? 0;
  const seen = live?.arms.find((arm) => arm.variant === 'challenger')?.outcomes;
  return live?.rollout === rollout.id && seen !== undefined && asked > 0 ? Math.min(1, seen / asked) : null;
}

export function StepTrack({ rollout, live }: { rollout: Rollout; live?: LiveRollout | null }) {
  const share = stepShare(rollout, live);
  return (
    <ol className="track" aria-label="Steps">
      {rollout.plan.steps.map((step, index) => {
        const state = stepState(rollout, index);
        const stopped = rollout.state === 'rolled_back' && index === rollout.step;
        return (
          <li key={step.percent} className={`track-${stopped ? 'stopped' : state}`}>
            <span className="track-bar" aria-hidden>{state === 'now' && share !== null && <span style={{ width: `${share * 100}%` }} />}</span>
            <span className="track-percent">{step.percent} %</span>
            <span className="track-word">{stopped ? 'rolled back here' : state === 'now' && share !== null ? `${Math.floor(share * 100)} % of its outcomes` : words[state]}</span>
          </li>
        );
      })}
    </ol>
  );
}
