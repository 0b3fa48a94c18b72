// Rollouts and retrainings that are under way.
import { Link } from '@tanstack/react-router';
import type { LiveRollout, Retrain, Rollout } from '../api';
import { RolloutWord } from '../ui/state';
import { StepTrack } from '../rollout/track';
import { sentence } from '../words';

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

export function Running({ rollouts, retrains, live }: { rollouts: Rollout[]; retrains: Retrain[]; live: LiveRollout[] }) {
  if (rollouts.length + retrains.length === 0) return <p className="empty">No rollout and no retraining runs.</p>;
  return (
    <>
      {rollouts.map((rollout) => <RunningRollout key={rollout.id} rollout={rollout} live={live.find((one) => one.rollout === rollout.id)} />)}
      {retrains.map((retrain) => <RunningRetrain key={retrain.id} retrain={retrain} />)}
    </>
  );
}
