// The steps of a rollout: done, under way, to come.
import type { Rollout } from '../api';

export type StepState = 'done' | 'now' | 'next' | 'never';

export function stepState(rollout: Rollout, index: number): StepState {
  if (rollout.state === 'promoted') return 'done';
  if (index < rollout.step) return 'done';
  if (rollout.state === 'rolled_back') return 'never';
  return index === rollout.step ? 'now' : 'next';
}

const words: Record<StepState, string> = { done: 'done', now: 'under way', next: 'to come', never: 'not reached' };

export function StepTrack({ rollout }: { rollout: Rollout }) {
  return (
    <ol className="track" aria-label="Steps">
      {rollout.plan.steps.map((step, index) => {
        const state = stepState(rollout, index);
        const stopped = rollout.state === 'rolled_back' && index === rollout.step;
        return (
          <li key={step.percent} className={`track-${stopped ? 'stopped' : state}`}>
            <span className="track-bar" aria-hidden />
            <span className="track-percent">{step.percent} %</span>
            <span className="track-word">{stopped ? 'rolled back here' : words[state]}</span>
          </li>
        );
      })}
    </ol>
  );
}
