// The state of a run: shape, word and colour together.
import type { Health } from '../api';
import { Glyph } from '../ui/state';
import type { RunStatus } from '../tracking';

const words: Record<RunStatus, string> = { RUNNING: 'running', SCHEDULED: 'scheduled', FINISHED: 'finished', FAILED: 'failed', KILLED: 'killed' };
const healths: Record<RunStatus, Health> = { RUNNING: 'unknown', SCHEDULED: 'unknown', FINISHED: 'healthy', FAILED: 'broken', KILLED: 'watch' };

export function RunGlyph({ status }: { status: RunStatus }) {
  const word = words[status] ?? 'unknown';
  return (
    <span className="run-glyph" title={word}>
      {status === 'RUNNING' ? <span className="pulse" aria-hidden /> : <Glyph state={healths[status] ?? 'unknown'} size={13} />}
      <span className="unseen">{word}</span>
    </span>
  );
}

export function RunWord({ status }: { status: RunStatus }) {
  const health = healths[status] ?? 'unknown';
  return (
    <span className={`state-word state-${status === 'RUNNING' ? 'running' : health}`}>
      {status === 'RUNNING' ? <span className="pulse" aria-hidden /> : <Glyph state={health} size={14} />} {words[status] ?? 'unknown'}
    </span>
  );
}
