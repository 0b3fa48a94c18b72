// One prediction and the way back from it: inputs, answer, outcome, bundle, version, run, data, commit.
import { getRouteApi } from '@tanstack/react-router';
import type { Json } from '../api';
import { ApiError, curl } from '../api';
import { useTrace } from '../data';
import { Command, Copyable } from '../ui/copy';
import { Failed, Loading, NotFound } from '../ui/notes';
import { moment } from '../words';

const route = getRouteApi('/predictions/$id');

const isTime = (name: string) => /_ms$/.test(name) && !/latency|duration|age/.test(name);
const isDigest = (text: string) => /^(sha256:)?[0-9a-f]{32,}$/.test(text);

export function titled(name: string): string {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Leaf({ name, value }: { name: string; value: string | number | boolean | null }) {
  if (typeof value === 'number' && isTime(name) && value > 0) return <time title={String(value)}>{moment(value)} UTC</time>;
  if (typeof value === 'string' && isDigest(value)) return <Copyable text={value} shown={value.slice(0, 12)} label={name} />;
  if (value === null || value === '') return <span className="quiet">none</span>;
  return <>{String(value)}</>;
}

function Node({ name, value }: { name: string; value: Json }) {
  if (Array.isArray(value)) {
    if (value.length === 0) return <span className="quiet">none</span>;
    return <ol className="tree-list">{value.map((one, index) => <li key={index}><Node name={name} value={one} /></li>)}</ol>;
  }
  if (value !== null && typeof value === 'object')
    return (
      <dl className="tree">
        {Object.entries(value).map(([key, inner]) => (
          <div key={key}>
            <dt>{key.replaceAll('_', ' ')}</dt>
            <dd><Node name={key} value={inner} /></dd>
          </div>
        ))}
      </dl>
    );
  return <Leaf name={name} value={value} />;
}

export function PredictionScreen() {
  const { id } = route.useParams();
  const { data, error, refetch } = useTrace(id);
  if (!data) {
    if (error instanceof ApiError && error.status === 404) return <NotFound what="prediction" name={id} />;
    return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  }
  return (
    <div className="narrow">
      <h1>Prediction</h1>
      <p><Copyable text={id} label="the id" /></p>
      {Object.entries(data).map(([key, value]) => (
        <section key={key} className="panel trace">
          <h2>{titled(key)}</h2>
          <Node name={key} value={value} />
        </section>
      ))}
      <section className="panel">
        <h2>From a shell</h2>
        <Command text={`fettle trace ${id}`} />
        <Command text={curl(`/predictions/${encodeURIComponent(id)}`)} />
      </section>
    </div>
  );
}
