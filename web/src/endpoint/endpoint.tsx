// One endpoint: its state in words, who serves it, one time line for everything, and the figures of a chosen window.
import { Button, SegmentedControl } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import * as api from '../api';
import { useAlerts, useMonitorConfig, useRetrains, useRollouts, useStatus, useWindows } from '../data';
import { Shares } from '../home/endpoint_card';
import { Copyable } from '../ui/copy';
import { Failed, Loading, NotFound } from '../ui/notes';
import { StateWord } from '../ui/state';
import { When } from '../ui/when';
import { brief, count, isActive, sentence, trafficNow } from '../words';
import { rolloutIds } from './model';
import { StartRollout } from './start_rollout';
import type { Metric } from './timeline';
import { TimelineSection } from './timeline_section';

const route = getRouteApi('/endpoints/$name');

function Head({ endpoint, start }: { endpoint: api.EndpointStatus; start: () => void }) {
  return (
    <header className="head">
      <div>
        <h1>
          {endpoint.name} <StateWord state={endpoint.state} />
        </h1>
        <p className="head-why">
          {sentence(endpoint.why)}{' '}
          {!!endpoint.since_event_ms && <span className="quiet">Since <When ms={endpoint.since_event_ms} />. </span>}
          {endpoint.doing && <span>{sentence(endpoint.doing)}</span>}
        </p>
      </div>
      <div className="head-acts">
        {endpoint.rollout ? (
          <Button component={Link} to={`/rollouts/${endpoint.rollout}`} variant="default">
            Open the rollout
          </Button>
        ) : (
          <Button variant="default" onClick={start}>Roll out a version…</Button>
        )}
      </div>
    </header>
  );
}

function Facts({ endpoint }: { endpoint: api.EndpointStatus }) {
  return (
    <section className="facts" aria-label="Variants">
      <Shares variants={endpoint.variants} />
      <ul className="facts-list">
        {endpoint.variants.map((variant) => (
          <li key={variant.bundle}>
            version {variant.version}, bundle <Copyable text={variant.bundle} shown={brief(variant.bundle)} label="the bundle's digest" />
          </li>
        ))}
        <li>
          {count(endpoint.predictions)} predictions, {count(endpoint.outcomes)} outcomes
        </li>
      </ul>
    </section>
  );
}

export function EndpointScreen() {
  const { name } = route.useParams();
  const search = route.useSearch();
  const kind = search.kind ?? 'week';
  const [metric, setMetric] = useState<Metric>('log_loss');
  const [starting, setStarting] = useState(false);
  const navigate = route.useNavigate();
  const status = useStatus();
  const windows = useWindows(name, kind);
  const alerts = useAlerts();
  const retrains = useRetrains();
  const rollouts = useRollouts();
  const config = useMonitorConfig(name);
  const details = useQueries({
    queries: rolloutIds(rollouts.data ?? [], name).map((id) => ({ queryKey: ['rollout', id], queryFn: () => api.rollout(id) })),
    combine: (results) => results.flatMap((result) => (result.data ? [result.data] : [])),
  });
  if (!status.data) return status.error ? <Failed error={status.error} again={() => void status.refetch()} /> : <Loading />;
  const endpoint = status.data.endpoints.find((one) => one.name === name);
  if (!endpoint) return <NotFound what="endpoint" name={name} />;
  const active = (rollouts.data ?? []).some((rollout) => rollout.endpoint === name && isActive(rollout));
  return (
    <div className="endpoint">
      <Head endpoint={endpoint} start={() => setStarting(true)} />
      <Facts endpoint={endpoint} />
      <div className="controls">
        <SegmentedControl size="xs" aria-label="Windows" value={kind} onChange={(value) => void navigate({ search: { ...search, kind: value === 'day' ? 'day' : undefined, window: undefined }, replace: true })} data={[{ value: 'week', label: 'Weeks' }, { value: 'day', label: 'Days' }]} />
        <SegmentedControl size="xs" aria-label="Quality" value={metric} onChange={(value) => setMetric(value as Metric)} data={[{ value: 'log_loss', label: 'Log loss' }, { value: 'auc', label: 'AUC' }]} />
        {(search.from || search.to) && (
          <button type="button" className="link" onClick={() => void navigate({ search: { ...search, from: undefined, to: undefined }, replace: true })}>
            Whole time
          </button>
        )}
        <span className="quiet controls-hint">Click a window for its figures; drag the ends below to zoom.</span>
      </div>
      {windows.error && <Failed error={windows.error} again={() => void windows.refetch()} />}
      {windows.data && (
        <TimelineSection
          windows={windows.data}
          alerts={(alerts.data ?? []).filter((alert) => alert.endpoint === name)}
          retrains={(retrains.data ?? []).filter((retrain) => retrain.endpoint === name)}
          rollouts={details}
          now={endpoint.watermark_ms || trafficNow(status.data)}
          metric={metric}
          config={config.data}
          search={search}
          change={(next) => void navigate({ search: { ...search, ...next }, replace: true, resetScroll: false })}
        />
      )}
      {starting && <StartRollout endpoint={endpoint} blocked={active} close={() => setStarting(false)} />}
    </div>
  );
}
