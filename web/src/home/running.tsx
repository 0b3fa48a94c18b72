// Rollouts and retrainings that are under way.
import { Link } from '@tanstack/react-router';
import type { Retrain, Rollout } from '../api';
import { RolloutWord } from '../ui/state';
import { StepTrack } from '../rollout/track';
import { sentence } from '../words';

function RunningRollout({ rollout }: { rollout: Rollout }) {
  return (
    <article className="panel running">
      <h3>
        <Link to="/rollouts/$id" params={{ id: rollout.id }}>
          {rollout.endpoint}: version {rollout.challenger.version} against version {rollout.champion.version}
        </Link>
        <RolloutWord state={rollout.state} />
      </h3>
      <StepTrack rollout={rollout} />
      {rollout.reason && <p className="quiet">{sentence(rollout.reason)}</p>}
    </article>
  );
}

function RunningRetrain({ retrain }: { retrain: Retrain }) {
  const failed = retrain.state === 'failed';
  return (
    <article className="panel running">
      <h3>
        {failed ? 'Retraining failed' : 'Retraining'} <span className="quiet">{retrain.project}</span>
      </h3>
      <p>{sentence(retrain.reason)}</p>
      {failed && retrain.output && <pre>{retrain.output}</pre>}
    </article>
  );
}

export function Running({ rollouts, retrains }: { rollouts: Rollout[]; retrains: Retrain[] }) {
  if (rollouts.length + retrains.length === 0) return <p className="empty">No rollout and no retraining runs.</p>;
  return (
    <>
      {rollouts.map((rollout) => <RunningRollout key={rollout.id} rollout={rollout} />)}
      {retrains.map((retrain) => <RunningRetrain key={retrain.id} retrain={retrain} />)}
    </>
  );
}
