// What changed, newest first, each with the way to what it is about.
import { Link } from '@tanstack/react-router';
import type { Change } from '../api';
import { When } from '../ui/when';
import { moment, unbroken } from '../words';

function Where({ change }: { change: Change }) {
  const text = unbroken(change.text);
  if (change.kind === 'alert') return <Link to="/alerts">{text}</Link>;
  if (['rollout_started', 'advance', 'promote', 'rollback', 'hold', 'resume'].includes(change.kind) && change.id)
    return <Link to="/rollouts/$id" params={{ id: change.id }}>{text}</Link>;
  if (change.endpoint) return <Link to="/endpoints/$name" params={{ name: change.endpoint }}>{text}</Link>;
  return <>{text}</>;
}

export function Changes({ changes }: { changes: Change[] }) {
  if (changes.length === 0) return <p className="empty">Nothing yet.</p>;
  const newest = Math.max(...changes.map((change) => change.event_ms));
  return (
    <ol className="changes">
      {changes.map((change, index) => (
        <li key={`${change.time_ms} ${index}`} className={`change change-${change.kind}`}>
          {change.event_ms ? <When ms={change.event_ms} near={newest} /> : <time title={`before any traffic; ${moment(change.time_ms)} UTC`}>–</time>}
          <span className="change-text">
            <Where change={change} />
          </span>
        </li>
      ))}
    </ol>
  );
}
