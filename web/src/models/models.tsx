// Every registered model, with where its aliases point.
import { Link } from '@tanstack/react-router';
import { useModels } from '../runs/data';
import type { RegisteredModel } from '../tracking';
import { Listing } from '../ui/listing';
import { When } from '../ui/when';

function row(model: RegisteredModel) {
  return (
    <tr key={model.name}>
      <th scope="row"><Link to="/models/$name" params={{ name: model.name }}>{model.name}</Link></th>
      <td>{Math.max(0, ...model.latest_versions.map((version) => Number(version.version))) || ''}</td>
      <td>{model.aliases.map((one) => <span key={one.alias} className="alias">{one.alias} → {one.version}</span>)}</td>
      <td><When ms={model.last_updated_timestamp} /></td>
    </tr>
  );
}

const none = (words: string) => (words ? 'No model has these words.' : 'None yet. A pipeline registers the model that it made; a run can be registered from its screen.');

export function ModelList() {
  return <Listing title="Models" heads={['Name', 'Newest', 'Aliases', 'Last touched']} use={useModels} row={row} none={none} />;
}
