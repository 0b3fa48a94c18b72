// Rollouts and retrainings that are under way.
import { Link } from '@tanstack/react-router';
import type { LiveRollout, Retrain, Rollout } from '../api';
import { RolloutWord, StateWord } from '../ui/state';
import { StepTrack } from '../rollout/track';
import { sentence, unbroken } from '../words';

function RunningRollout({ rollout, live }: { rollout: Rollout; live: LiveRollout | undefined }) {
  return (
    <article className="panel running">
      <h3>
        <Link to="/rollouts/$id" params={{ id: rollout.id }}>
          {rollout.endpoint}: version {rollout.challenger.version} against version {rollout.champion.version}
        </Link>
        <RolloutWord state={rollout.state} />
      </h3>
      <StepTrack rollout={rollout} live={live} />
      {(live?.waiting || rollout.reason) && <p className="quiet">{sentence(live?.waiting || rollout.reason)}</p>}
    </article>
  );
}

// Of a failed command's output the line that says why, if one does.
export function cause(output: string): string {
  const lines = output.split('\n').map((line) => line.trim()).filter(Boolean);
  return lines.findLast((line) => /^(fettle|error)\b.*:/i.test(line)) ?? lines.at(-1) ?? '';
}

function RunningRetrain({ retrain }: { retrain: Retrain }) {
  const failed = retrain.state === 'failed';
  return (
    <article className="panel running">
      <h3>
        <span>{failed ? `Retraining failed (exit code ${retrain.exit_code})` : 'Retraining'}</span>
        {failed ? <StateWord state="broken" word="failed" /> : <span className="state-word state-running"><span className="pulse" aria-hidden /> running</span>}
      </h3>
      <p>Because of: {unbroken(retrain.reason)}</p>
      {failed && (
        <details>
          <summary>{cause(retrain.output)}</summary>
          <pre>{retrain.output}</pre>
        </details>
      )}
    </article>
  );
}

export function Running({ rollouts, retrains, live }: { rollouts: Rollout[]; retrains: Retrain[]; live: LiveRollout[] }) {
  if (rollouts.length + retrains.length === 0) return <p className="empty">No rollout and no retraining runs.</p>;
  return (
    <>
      {rollouts.map((rollout) => <RunningRollout key={rollout.id} rollout={rollout} live={live.find((one) => one.rollout === rollout.id)} />)}
      {retrains.map((retrain) => <RunningRetrain key={retrain.id} retrain={retrain} />)}
    </>
  );
}
