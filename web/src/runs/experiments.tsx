// Every experiment, the last touched first.
import { Link } from '@tanstack/react-router';
import type { Experiment } from '../tracking';
import { Command } from '../ui/copy';
import { Listing } from '../ui/listing';
import { When } from '../ui/when';
import { useExperiments } from './data';
import { experimentNote } from './table';

function row(experiment: Experiment) {
  return (
    <tr key={experiment.experiment_id}>
      <th scope="row"><Link to="/experiments/$id" params={{ id: experiment.experiment_id }}>{experiment.name}</Link></th>
      <td className="quiet">{experimentNote(experiment.tags)}</td>
      <td><When ms={experiment.last_update_time} /></td>
    </tr>
  );
}

// Whoever has nothing but the default experiment is told how to begin.
function beginning(experiments: Experiment[], words: string) {
  if (words !== '' || experiments.length !== 1) return null;
  return (
    <section className="hint">
      <p className="quiet">An unchanged training script logs here once it is pointed at this server:</p>
      <Command text={`export MLFLOW_TRACKING_URI=${location.origin}`} />
    </section>
  );
}

export function ExperimentList() {
  return <Listing title="Experiments" heads={['Name', 'About', 'Last touched']} use={useExperiments} row={row} none={(words) => (words ? 'No experiment has these words.' : 'There is none that you may see.')} hint={beginning} />;
}
