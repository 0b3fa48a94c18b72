// One prediction and the way back from it: answer and outcome in a sentence, inputs, and the chain to data and commit.
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Manifest, Trace } from '../api';
import { ApiError, curl } from '../api';
import { useTrace } from '../data';
import { Command, Copyable } from '../ui/copy';
import { Failed, Loading, NotFound } from '../ui/notes';
import { brief, count, fixed, microseconds, moment } from '../words';

const route = getRouteApi('/predictions/$id');

// "version 4 (challenger) answered late_probability 0.3127 ..."
export function account({ prediction, outcomes, version }: Trace): string {
  const who = version ? `Version ${version.version} of ${version.model} (${prediction.variant})` : `The ${prediction.variant}`;
  const answer = `${who} answered ${prediction.output_name ?? 'a score'} ${fixed(prediction.output)} on ${moment(prediction.time_ms)}, in ${microseconds(prediction.latency_us)}.`;
  const outcome = outcomes[0];
  return outcome ? `${answer} The outcome came on ${moment(outcome.time_ms)}: ${outcome.label}.` : `${answer} Its outcome is not known yet.`;
}

function Inputs({ trace: { prediction } }: { trace: Trace }) {
  const named = Object.entries(prediction.named_inputs ?? Object.fromEntries(prediction.inputs.map((value, index) => [`input ${index + 1}`, value])));
  return (
    <section className="panel">
      <h2>Inputs</h2>
      <dl className="tree">
        {named.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? <span className="quiet">missing</span>}</dd>
          </div>
        ))}
        {prediction.unknown_categories.length > 0 && (
          <div>
            <dt>never seen in training</dt>
            <dd>{prediction.unknown_categories.join(', ')}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function Origin({ manifest }: { manifest: Manifest }) {
  const { provenance: from } = manifest;
  return (
    <>
      <div>
        <dt>run</dt>
        <dd>{from.run_id ? <Copyable text={from.run_id} label="the run's id" /> : <span className="quiet">not recorded</span>}</dd>
      </div>
      {from.snapshots.map((one) => (
        <div key={one.name}>
          <dt>data snapshot</dt>
          <dd>{one.name} <Copyable text={one.digest} shown={brief(one.digest)} label="the snapshot's digest" /></dd>
        </div>
      ))}
      <div>
        <dt>commit</dt>
        <dd>
          {from.commit ? <Copyable text={from.commit} shown={brief(from.commit)} label="the commit" /> : <span className="quiet">not known</span>}
          {from.dirty && <span className="quiet"> with changes that were not committed</span>}
        </dd>
      </div>
    </>
  );
}

function Way({ trace: { prediction, version, bundle } }: { trace: Trace }) {
  return (
    <section className="panel">
      <h2>The way back</h2>
      <dl className="tree">
        <div>
          <dt>endpoint</dt>
          <dd><Link to="/endpoints/$name" params={{ name: prediction.endpoint }}>{prediction.endpoint}</Link>, {prediction.variant}</dd>
        </div>
        {prediction.unit && <div><dt>unit</dt><dd><Copyable text={prediction.unit} label="the unit" /></dd></div>}
        {version && <div><dt>model version</dt><dd>{version.model} {version.version}</dd></div>}
        <div>
          <dt>bundle</dt>
          <dd><Copyable text={prediction.bundle} shown={brief(prediction.bundle)} label="the bundle's digest" /></dd>
        </div>
        {bundle ? <Origin manifest={bundle} /> : <div><dt>origin</dt><dd className="quiet">the bundle is not stored here any more</dd></div>}
      </dl>
    </section>
  );
}

const figure = (value: number) => (Number.isInteger(value) ? count(value) : fixed(value));

// How the model was made, and how good it was then.
function Making({ trace: { bundle, run } }: { trace: Trace }) {
  const params = Object.entries(bundle?.provenance.params ?? {});
  const metrics = Object.entries(run?.metrics ?? {});
  if (params.length + metrics.length === 0) return null;
  return (
    <section className="panel">
      <h2>How it was made</h2>
      <dl className="tree tree-two">
        {params.map(([name, value]) => <div key={`p ${name}`}><dt>{name}</dt><dd>{String(value)}</dd></div>)}
        {metrics.map(([name, value]) => <div key={`m ${name}`}><dt>{name}</dt><dd>{figure(value)}</dd></div>)}
      </dl>
    </section>
  );
}

export function PredictionScreen() {
  const { id } = route.useParams();
  const { data, error, refetch } = useTrace(id);
  if (!data) {
    if (error instanceof ApiError && error.status === 404) return <NotFound what="prediction" name={id} />;
    return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  }
  return (
    <div className="prediction">
      <p className="crumb">prediction <Copyable text={id} label="the id" /></p>
      <h1>{data.prediction.output_name ?? 'Output'} {fixed(data.prediction.output)}</h1>
      <p className="head-why">{account(data)}</p>
      <div className="prediction-columns">
        <Inputs trace={data} />
        <Way trace={data} />
      </div>
      <Making trace={data} />
      <section className="panel">
        <h2>From a shell</h2>
        <Command text={`fettle trace ${id}`} />
        <Command text={curl(`/predictions/${encodeURIComponent(id)}`)} />
      </section>
    </div>
  );
}
