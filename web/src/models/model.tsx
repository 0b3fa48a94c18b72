// One registered model: its versions, where aliases point, and moving one.
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { ApiError } from '../api';
import { useModel, useVersions } from '../runs/data';
import * as tracking from '../tracking';
import { Copyable } from '../ui/copy';
import { Failed, Loading, NotFound } from '../ui/notes';
import { brief, moment, sentence } from '../words';

const route = getRouteApi('/models/$name');

const tagOf = (version: tracking.ModelVersion, key: string) => version.tags.find((tag) => tag.key === key)?.value ?? '';

function MoveAlias({ model, version, close }: { model: tracking.RegisteredModel; version: string; close: () => void }) {
  const [alias, setAlias] = useState('');
  const client = useQueryClient();
  const now = model.aliases.find((one) => one.alias === alias.trim())?.version;
  const action = useMutation({
    mutationFn: () => tracking.setAlias(model.name, alias.trim(), version),
    onSuccess: () => {
      void client.invalidateQueries();
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={`Point an alias at version ${version}`} size="lg">
      <form className="confirm" onSubmit={(event) => { event.preventDefault(); action.mutate(); }}>
        <TextInput data-autofocus required label="Alias" value={alias} onChange={(event) => setAlias(event.currentTarget.value)} list="aliases" />
        <datalist id="aliases">{model.aliases.map((one) => <option key={one.alias} value={one.alias} />)}</datalist>
        <p className="confirm-undo">
          {alias.trim() === '' ? 'Who loads the model by this alias gets this version from then on.' : now ? `${alias.trim()} moves from version ${now} to version ${version}. Undo: point it at version ${now} again.` : `${alias.trim()} is new. Undo: remove it.`}
        </p>
        {action.error && <p className="confirm-error" role="alert">{sentence(action.error.message)} Nothing was changed.</p>}
        <div className="confirm-end">
          <Button variant="default" onClick={close}>Leave as it is</Button>
          <Button type="submit" loading={action.isPending} disabled={now === version}>Move it</Button>
        </div>
      </form>
    </Modal>
  );
}

export function ModelScreen() {
  const { name } = route.useParams();
  const { data: model, error, refetch } = useModel(name);
  const versions = useVersions(name);
  const [moving, setMoving] = useState('');
  if (!model) {
    if (error instanceof ApiError && error.status === 404) return <NotFound what="registered model" name={name} />;
    return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  }
  return (
    <div className="runs">
      <header className="head">
        <div>
          <p className="crumb"><Link to="/models">Models</Link></p>
          <h1>{model.name}</h1>
          {model.description && <p className="head-why">{model.description}</p>}
        </div>
      </header>
      {versions.error && <Failed error={versions.error} again={() => void versions.refetch()} />}
      <div className="table-wrap">
        <table>
          <thead>
            <tr>
              <th>Version</th>
              <th>Aliases</th>
              <th>Bundle</th>
              <th>Run</th>
              <th>About</th>
              <th>Made</th>
              <th><span className="unseen">Acts</span></th>
            </tr>
          </thead>
          <tbody>
            {(versions.data ?? []).map((version) => (
              <tr key={version.version}>
                <th scope="row">{version.version}</th>
                <td>{version.aliases.map((alias) => <span key={alias} className="alias">{alias}</span>)}</td>
                <td>{tagOf(version, 'fettle.bundle') && <Copyable text={tagOf(version, 'fettle.bundle')} shown={brief(tagOf(version, 'fettle.bundle'))} label="the bundle's digest" />}</td>
                <td>{version.run_id && <Link to="/runs/$id" params={{ id: version.run_id }}>{version.run_id.slice(0, 8)}</Link>}</td>
                <td className="quiet">{version.description}</td>
                <td className="quiet">{moment(version.creation_timestamp)}</td>
                <td><button type="button" className="link" onClick={() => setMoving(version.version)}>Alias…</button></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <section className="hint">
        <p className="quiet">Load it where it is needed:</p>
        <Copyable text={`mlflow.pyfunc.load_model("models:/${model.name}${model.aliases[0] ? `@${model.aliases[0].alias}` : '/1'}")`} label="the line" />
      </section>
      {moving && <MoveAlias model={model} version={moving} close={() => setMoving('')} />}
    </div>
  );
}
