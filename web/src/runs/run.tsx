// One run: how it went, its params, curves, data, artifacts, and the way on into the registry.
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError } from '../api';
import * as tracking from '../tracking';
import { Copyable } from '../ui/copy';
import { Failed, Loading, NotFound } from '../ui/notes';
import { brief, moment, sentence } from '../words';
import { Artifacts } from './artifacts';
import { codeOf, dataOf } from './compare';
import { Curves } from './curves';
import { useExperiment, useRun } from './data';
import { RunWord } from './state';
import { figure, tookOf } from './table';

const route = getRouteApi('/runs/$id');

// What became of a run, in a sentence.
export function account(run: tracking.Run, now: number): string {
  const who = run.user ? ` by ${run.user}` : '';
  const took = tookOf(run, now);
  const started = `Started ${moment(run.started)}${who}`;
  if (run.status === 'RUNNING') return `${started}, running for ${took}.`;
  return took ? `${started}, took ${took}.` : `${started}.`;
}

function Pairs({ title, pairs }: { title: string; pairs: [string, React.ReactNode][] }) {
  if (pairs.length === 0) return null;
  return (
    <section className="panel">
      <h2>{title}</h2>
      <dl className="tree">
        {pairs.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Register({ run, close }: { run: tracking.Run; close: () => void }) {
  const [name, setName] = useState('');
  const client = useQueryClient();
  const first = run.models[0];
  const [source, setSource] = useState(first ? `models:/${first}` : `runs:/${run.id}/model`);
  const action = useMutation({
    mutationFn: () => tracking.register(name.trim(), source.startsWith('runs:/') ? `${run.artifacts}/${source.split('/').slice(2).join('/')}` : source, run.id),
    onSuccess: () => void client.invalidateQueries(),
  });
  return (
    <Modal opened onClose={close} title="Register a model of this run" size="lg">
      {action.data ? (
        <p>
          It is version {action.data.version} of <Link to="/models/$name" params={{ name: action.data.name }}>{action.data.name}</Link> now.
        </p>
      ) : (
        <form className="confirm" onSubmit={(event) => { event.preventDefault(); action.mutate(); }}>
          <p>A new version is made; nothing is deployed by it, and aliases stay where they are.</p>
          <TextInput data-autofocus required label="Registered model" description="A new name makes a new one" value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <TextInput required label="From" value={source} onChange={(event) => setSource(event.currentTarget.value)} mt="sm" />
          {action.error && <p className="confirm-error" role="alert">{sentence(action.error.message)} Nothing was changed.</p>}
          <div className="confirm-end">
            <Button variant="default" onClick={close}>Leave as it is</Button>
            <Button type="submit" loading={action.isPending}>Register</Button>
          </div>
        </form>
      )}
    </Modal>
  );
}

export function RunScreen() {
  const { id } = route.useParams();
  const { data: run, error, refetch } = useRun(id);
  const experiment = useExperiment(run?.experiment ?? '');
  const client = useQueryClient();
  const [registering, setRegistering] = useState(false);
  const life = useMutation({ mutationFn: (gone: boolean) => (gone ? tracking.restoreRun(id) : tracking.deleteRun(id)), onSuccess: () => void client.invalidateQueries() });
  if (!run) {
    if (error instanceof ApiError && error.status === 404) return <NotFound what="run" name={id} />;
    return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  }
  const note = run.tags['mlflow.note.content'];
  const tags = Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.') && !key.startsWith('fettle.snapshot.'));
  const metrics = Object.entries(run.metrics).filter(([key]) => !key.startsWith('system/'));
  return (
    <div className="runs">
      <header className="head">
        <div>
          <p className="crumb">
            <Link to="/experiments">Experiments</Link> / <Link to="/experiments/$id" params={{ id: run.experiment }}>{experiment.data?.name ?? run.experiment}</Link>
          </p>
          <h1>{run.name || run.id} <RunWord status={run.status} /></h1>
          <p className="head-why">{account(run, Date.now())} {note && sentence(note)}</p>
          <p className="ids">
            <span>run <Copyable text={run.id} label="the run's id" /></span>
            {run.deleted && <span>deleted; it can be restored until it is purged</span>}
          </p>
        </div>
        <div className="head-acts">
          {run.deleted ? (
            <Button variant="default" loading={life.isPending} onClick={() => life.mutate(true)}>Restore</Button>
          ) : (
            <>
              <Button variant="default" onClick={() => setRegistering(true)}>Register…</Button>
              <Button variant="default" loading={life.isPending} onClick={() => life.mutate(false)}>Delete</Button>
            </>
          )}
        </div>
      </header>
      {life.error && <Failed error={life.error} />}
      <div className="run-columns">
        <Pairs title="Params" pairs={Object.entries(run.params)} />
        <Pairs title="Results" pairs={metrics.map(([key, value]) => [key, figure(value)])} />
        <Pairs title="Code" pairs={Object.entries(codeOf(run)).map(([key, value]) => [key, /^[0-9a-f]{40}$/.test(value) ? <Copyable text={value} shown={brief(value)} label="the commit" /> : value])} />
        <Pairs title="Data" pairs={Object.entries(dataOf(run)).map(([name, digest]) => [name, <Copyable text={digest} shown={brief(digest)} label="the digest" />])} />
        <Pairs title="Tags" pairs={tags} />
      </div>
      <Curves runs={[run]} />
      <Artifacts run={run} />
      {registering && <Register run={run} close={() => setRegistering(false)} />}
    </div>
  );
}
