// Every rollout, newest first.
import { Link } from '@tanstack/react-router';
import { useRollouts } from '../data';
import { Empty, Failed, Loading } from '../ui/notes';
import { RolloutWord } from '../ui/state';
import { sentence } from '../words';
import { StepTrack } from './track';

export function RolloutList() {
  const { data, error, refetch } = useRollouts();
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  return (
    <div className="narrow">
      <h1>Rollouts</h1>
      {data.length === 0 && <Empty>None yet. The first version of an endpoint is deployed at once; later ones are rolled out.</Empty>}
      {data.map((rollout) => (
        <article key={rollout.id} className="panel running">
          <h3>
            <Link to="/rollouts/$id" params={{ id: rollout.id }}>
              {rollout.endpoint}: version {rollout.challenger.version} against version {rollout.champion.version}
            </Link>
            <RolloutWord state={rollout.state} />
          </h3>
          <StepTrack rollout={rollout} />
          {rollout.reason && <p className="quiet">{sentence(rollout.reason)}</p>}
        </article>
      ))}
    </div>
  );
}
