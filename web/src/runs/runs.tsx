// The runs of an experiment: a table made for comparing. Filter, order, columns and choice are in the address.
import { Button, TextInput } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { ApiError } from '../api';
import { Copyable } from '../ui/copy';
import { Empty, Failed, Loading, NotFound } from '../ui/notes';
import { count, sentence } from '../words';
import { ChooseColumns } from './columns';
import { useExperiment, useRuns } from './data';
import { RunGrid } from './grid';
import { allColumns, type Column, columnId, columnOf, experimentNote, nextOrder, standardColumns } from './table';

const Parallel = lazy(() => import('./parallel'));
const route = getRouteApi('/experiments/$id');
const mostCompared = 20;

function Filter({ filter, apply, error }: { filter: string; apply: (filter: string) => void; error: Error | null }) {
  const [text, setText] = useState(filter);
  useEffect(() => setText(filter), [filter]);
  return (
    <form className="filter" onSubmit={(event) => { event.preventDefault(); apply(text.trim()); }}>
      <TextInput
        aria-label="Filter"
        placeholder="metrics.auc > 0.9 and params.depth = '6'"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        error={error ? sentence(error.message) : undefined}
        spellCheck={false}
        autoCapitalize="off"
      />
      <Button type="submit" variant="default">Filter</Button>
      {filter !== '' && <button type="button" className="link" onClick={() => apply('')}>All runs</button>}
    </form>
  );
}

// What was asked and cannot be answered belongs to the field, not to the screen.
const isAskedWrong = (error: Error | null) => error instanceof ApiError && error.status === 400;

export function RunsScreen() {
  const { id } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [choosing, setChoosing] = useState(false);
  const experiment = useExperiment(id);
  const query = { experiments: [id], filter: search.filter ?? '', order: search.order ? [search.order] : [], deleted: search.deleted ?? false };
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useRuns(query);
  const runs = data?.pages.flatMap((page) => page.items) ?? [];
  const given = search.columns?.split('\n').map(columnOf).filter((column): column is Column => column !== null);
  const columns = given ?? standardColumns(runs);
  const picked = new Set(search.runs?.split(',').filter(Boolean) ?? []);
  const change = (next: Partial<typeof search>) => void navigate({ search: { ...search, ...next }, replace: true, resetScroll: false });
  const pick = (run: string) => {
    const next = new Set(picked);
    if (!next.delete(run)) next.add(run);
    change({ runs: [...next].join(',') || undefined });
  };
  if (experiment.error) return experiment.error instanceof ApiError && experiment.error.status < 500 ? <NotFound what="experiment" name={id} /> : <Failed error={experiment.error} again={() => void experiment.refetch()} />;
  if (!experiment.data) return <Loading />;
  const note = experimentNote(experiment.data.tags);
  return (
    <div className="runs">
      <header className="head">
        <div>
          <p className="crumb"><Link to="/experiments">Experiments</Link></p>
          <h1>{experiment.data.name}</h1>
          {note && <p className="head-why">{note}</p>}
          <p className="ids">
            <span>experiment <Copyable text={id} label="the experiment's id" /></span>
            {experiment.data.lifecycle_stage === 'deleted' && <span>deleted</span>}
          </p>
        </div>
      </header>
      <Filter filter={query.filter} apply={(filter) => change({ filter: filter || undefined })} error={isAskedWrong(error) ? error : null} />
      <div className="controls">
        <span className="quiet">{data ? `${count(runs.length)}${hasNextPage ? ' and more' : ''} ${query.deleted ? 'deleted ' : ''}runs` : ''}</span>
        <button type="button" className="link" onClick={() => setChoosing(true)}>Columns…</button>
        <button type="button" className="link" aria-pressed={search.picture ?? false} onClick={() => change({ picture: search.picture ? undefined : true })}>{search.picture ? 'Without the picture' : 'Parallel coordinates'}</button>
        <button type="button" className="link" onClick={() => change({ deleted: query.deleted ? undefined : true, runs: undefined })}>{query.deleted ? 'Active runs' : 'Deleted runs'}</button>
        <span className="controls-end">
          {picked.size > 0 && (
            <>
              {picked.size} chosen{' '}
              <button type="button" className="link" onClick={() => change({ runs: undefined })}>None</button>{' '}
            </>
          )}
          <Button size="xs" disabled={picked.size < 2 || picked.size > mostCompared} onClick={() => void navigate({ to: '/compare', search: { runs: [...picked].join(',') } })}>
            {picked.size > mostCompared ? `Compare up to ${mostCompared}` : 'Compare'}
          </Button>
        </span>
      </div>
      {error && !isAskedWrong(error) && <Failed error={error} again={() => void refetch()} />}
      {!data && !error && <Loading />}
      {data && runs.length === 0 && <Empty>{query.filter ? 'No run passes this filter.' : 'No runs yet.'}</Empty>}
      {search.picture && runs.length > 1 && (
        <Suspense fallback={<Loading />}>
          <Parallel runs={picked.size > 1 ? runs.filter((run) => picked.has(run.id)) : runs} columns={columns} />
        </Suspense>
      )}
      {runs.length > 0 && (
        <RunGrid runs={runs} columns={columns} order={search.order} sort={(expression) => change({ order: nextOrder(search.order, expression) })} picked={picked} pick={pick} more={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined} />
      )}
      {choosing && <ChooseColumns all={allColumns(runs)} chosen={columns} choose={(next) => change({ columns: next?.map(columnId).join('\n') })} close={() => setChoosing(false)} />}
    </div>
  );
}
