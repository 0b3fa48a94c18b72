// Every registered model, with where its aliases point.
import { TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useModels } from '../runs/data';
import { nameFilter } from '../runs/experiments';
import { Empty, Failed, Loading } from '../ui/notes';
import { When } from '../ui/when';

export function ModelList() {
  const [words, setWords] = useState('');
  const { data, error, refetch, hasNextPage, fetchNextPage } = useModels(nameFilter(words));
  const all = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="listing">
      <div className="listing-head">
        <h1>Models</h1>
        <TextInput aria-label="Find by name" placeholder="Find by name" value={words} onChange={(event) => setWords(event.currentTarget.value)} />
      </div>
      {!data && (error ? <Failed error={error} again={() => void refetch()} /> : <Loading />)}
      {all.length > 0 && (
        <div className="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>Newest</th>
                <th>Aliases</th>
                <th>Last touched</th>
              </tr>
            </thead>
            <tbody>
              {all.map((model) => (
                <tr key={model.name}>
                  <th scope="row"><Link to="/models/$name" params={{ name: model.name }}>{model.name}</Link></th>
                  <td>{Math.max(0, ...model.latest_versions.map((version) => Number(version.version))) || ''}</td>
                  <td>{model.aliases.map((one) => <span key={one.alias} className="alias">{one.alias} → {one.version}</span>)}</td>
                  <td><When ms={model.last_updated_timestamp} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && all.length === 0 && <Empty>{words ? 'No model has these words.' : 'None yet. A pipeline registers the model that it made; a run can be registered from its screen.'}</Empty>}
      {hasNextPage && <button type="button" className="link" onClick={() => void fetchNextPage()}>More</button>}
    </div>
  );
}
