// States as shape, word and colour together: never colour alone.
import type { Health, RolloutState } from '../api';
import { healthNames, stateNames } from '../words';

const shapes: Record<Health, string> = {
  healthy: 'M4 8.5l2.8 2.8L12 5.6',
  watch: 'M8 3.8v5.2M8 11.6v.6',
  broken: 'M5 5l6 6M11 5l-6 6',
  unknown: 'M5 8h.1M8 8h.1M11 8h.1',
};
const outlines: Record<Health, React.ReactNode> = {
  healthy: <circle cx="8" cy="8" r="7.2" />,
  watch: <path d="M8 .9L15.4 14.2H.6z" strokeLinejoin="round" />,
  broken: <rect x="1" y="1" width="14" height="14" rx="3.5" />,
  unknown: <circle cx="8" cy="8" r="7.2" strokeDasharray="2 2" />,
};

export function Glyph({ state, size = 16 }: { state: Health; size?: number }) {
  return (
    <svg className={`glyph glyph-${state}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden>
      <g className="glyph-outline">{outlines[state]}</g>
      <path className="glyph-sign" d={state === 'watch' ? 'M8 5.2v4.4M8 11.9v.2' : shapes[state]} />
    </svg>
  );
}

export function StateWord({ state, word = healthNames[state] }: { state: Health; word?: string }) {
  return (
    <span className={`state-word state-${state}`}>
      <Glyph state={state} size={14} /> {word}
    </span>
  );
}

const rolloutHealth: Record<RolloutState, Health> = { running: 'unknown', held: 'watch', promoted: 'healthy', rolled_back: 'broken' };

export function RolloutWord({ state }: { state: RolloutState }) {
  const health = rolloutHealth[state];
  return (
    <span className={`state-word state-${state === 'running' ? 'running' : health}`}>
      {state === 'running' ? <span className="pulse" aria-hidden /> : <Glyph state={health} size={14} />} {stateNames[state]}
    </span>
  );
}
