// The answer: is each model in fine fettle, why, since when, and what is being done about it.
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { Alert, Status } from '../api';
import { useStatus } from '../data';
import { Failed, Loading } from '../ui/notes';
import { Glyph } from '../ui/state';
import { When } from '../ui/when';
import { answer, isActive, isOpen, sentence } from '../words';
import { AlertCard } from '../alerts/card';
import { Changes } from './changes';
import { EndpointCard } from './endpoint_card';
import { Running } from './running';
import { Welcome } from './welcome';

const Acknowledge = lazy(() => import('../alerts/acknowledge'));

function Hero({ status }: { status: Status }) {
  const { state, headline } = answer(status);
  const said = status.endpoints.filter((endpoint) => endpoint.state === state && endpoint.why);
  return (
    <section className={`hero hero-${state}`}>
      <Glyph state={state} size={44} />
      <div>
        <h1>{headline}</h1>
        {said.slice(0, 3).map((endpoint) => (
          <p key={endpoint.name} className="hero-why">
            {said.length > 1 && <strong>{endpoint.name}: </strong>}
            {sentence(endpoint.why)}{' '}
            {!!endpoint.since_event_ms && (
              <span className="quiet">
                Since <When ms={endpoint.since_event_ms} />.
              </span>
            )}
            {endpoint.doing && <span className="hero-doing">{sentence(endpoint.doing)}</span>}
          </p>
        ))}
      </div>
    </section>
  );
}

export function Home() {
  const { data, error, refetch } = useStatus();
  const [asked, setAsked] = useState<Alert | null>(null);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  if (data.endpoints.length === 0) return <Welcome />;
  const open = data.alerts.filter(isOpen);
  const rollouts = data.rollouts.filter(isActive);
  // A failure matters until a later retraining of the endpoint went well.
  const retrains = data.retrains.filter((one, index) => one.state === 'running' || (one.state === 'failed' && !data.retrains.slice(0, index).some((later) => later.endpoint === one.endpoint))).slice(0, 3);
  return (
    <div className="home">
      <Hero status={data} />
      <section aria-label="Endpoints">
        {data.endpoints.map((endpoint) => (
          <EndpointCard key={endpoint.name} endpoint={endpoint} />
        ))}
      </section>
      <div className="home-columns">
        <div>
          <section>
            <h2>Open alerts</h2>
            {open.length === 0 && <p className="empty">None. The rules are looked at whenever a window ends.</p>}
            {open.map((alert) => (
              <AlertCard key={alert.id} alert={alert} acknowledge={() => setAsked(alert)} />
            ))}
            <p className="more">
              <Link to="/alerts">All alerts</Link>
            </p>
          </section>
          <section>
            <h2>Under way</h2>
            <Running rollouts={rollouts} retrains={retrains} live={data.endpoints.flatMap((endpoint) => endpoint.live ?? [])} />
            <p className="more">
              <Link to="/rollouts">All rollouts</Link>
            </p>
          </section>
        </div>
        <section>
          <h2>What changed</h2>
          <Changes changes={data.changes.slice(0, 10)} />
        </section>
      </div>
      <Suspense>{asked && <Acknowledge alert={asked} close={() => setAsked(null)} />}</Suspense>
    </div>
  );
}
