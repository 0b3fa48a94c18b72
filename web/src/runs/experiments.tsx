// Every experiment, the last touched first.
import { TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Command } from '../ui/copy';
import { Empty, Failed, Loading } from '../ui/notes';
import { When } from '../ui/when';
import { useExperiments } from './data';
import { experimentNote } from './table';

// Words as a filter of the server's grammar: names that have them, in any case.
export function nameFilter(words: string): string {
  const plain = words.trim().replaceAll("'", '');
  return plain === '' ? '' : `name ILIKE '%${plain}%'`;
}

export function ExperimentList() {
  const [words, setWords] = useState('');
  const { data, error, refetch, hasNextPage, fetchNextPage } = useExperiments(nameFilter(words));
  const all = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className="listing">
      <div className="listing-head">
        <h1>Experiments</h1>
        <TextInput aria-label="Find by name" placeholder="Find by name" value={words} onChange={(event) => setWords(event.currentTarget.value)} />
      </div>
      {!data && (error ? <Failed error={error} again={() => void refetch()} /> : <Loading />)}
      {all.length > 0 && (
        <div className="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Name</th>
                <th>About</th>
                <th>Last touched</th>
              </tr>
            </thead>
            <tbody>
              {all.map((experiment) => (
                <tr key={experiment.experiment_id}>
                  <th scope="row"><Link to="/experiments/$id" params={{ id: experiment.experiment_id }}>{experiment.name}</Link></th>
                  <td className="quiet">{experimentNote(experiment.tags)}</td>
                  <td><When ms={experiment.last_update_time} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && all.length === 0 && <Empty>No experiment has these words.</Empty>}
      {hasNextPage && <button type="button" className="link" onClick={() => void fetchNextPage()}>More</button>}
      {data && words === '' && all.length === 1 && (
        <section className="hint">
          <p className="quiet">An unchanged training script logs here once it is pointed at this server:</p>
          <Command text={`export MLFLOW_TRACKING_URI=${location.origin}`} />
        </section>
      )}
    </div>
  );
}
