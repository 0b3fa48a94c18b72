// The time line with its reading in words, and the chosen window below it.
import { useMediaQuery } from '@mantine/hooks';
import { useMemo } from 'react';
import type { Alert, MonitorConfig, Retrain, RolloutDetail, Window } from '../api';
import { Chart } from '../chart/chart';
import { usePalette } from '../chart/palette';
import type { EndpointSearch } from '../routes';
import { Empty } from '../ui/notes';
import { day, span } from '../words';
import { mainWindow, timelineModel, windowsAt } from './model';
import { type Metric, timelineOption } from './timeline';
import { WindowDetail } from './window_detail';

interface Props {
  windows: Window[];
  alerts: Alert[];
  retrains: Retrain[];
  rollouts: RolloutDetail[];
  now: number;
  metric: Metric;
  config: MonitorConfig | undefined;
  search: EndpointSearch;
  change: (next: Partial<EndpointSearch>) => void;
}

const asDate = (ms: number) => new Date(ms).toISOString().slice(0, 10);
const asTime = (date: string | undefined) => (date ? Date.parse(`${date}T00:00:00Z`) : Number.NaN);

// The newest window whose outcomes were judged, else the newest.
export function defaultWindow(windows: Window[]): number | null {
  const judged = windows.filter((window) => window.report.outcomes_judged);
  const starts = (judged.length ? judged : windows).map((window) => window.start_ms);
  return starts.length ? Math.max(...starts) : null;
}

export function TimelineSection({ windows, alerts, retrains, rollouts, now, metric, config, search, change }: Props) {
  const palette = usePalette();
  const narrow = useMediaQuery('(max-width: 640px)', false, { getInitialValueInEffect: false });
  const model = useMemo(() => timelineModel({ windows, alerts, rollouts, retrains, now }), [windows, alerts, rollouts, retrains, now]);
  const chosen = asTime(search.window);
  const selected = Number.isFinite(chosen) && windowsAt(windows, chosen).length ? chosen : defaultWindow(windows);
  const from = asTime(search.from) || model.from;
  const to = asTime(search.to) || model.to;
  const drawn = useMemo(
    () => timelineOption(model, palette, { metric, from, to, selected, narrow, minDrift: config?.min_drift ?? 0.1, alpha: config?.alpha ?? 0.01 }),
    [model, palette, metric, from, to, selected, narrow, config],
  );
  if (windows.length === 0) return <Empty>No window has ended yet. The time line begins when the first day of traffic is over.</Empty>;
  const at = selected === null ? [] : windowsAt(windows, selected);
  const main = mainWindow(at);
  return (
    <>
      <section className="panel chart-panel" aria-label="Time line">
        <Chart
          option={drawn.option}
          height={drawn.height}
          label={`Quality, rates, traffic and drift from ${day(model.from)} to ${day(model.to)}, with ${alerts.length} alerts and ${rollouts.length} rollouts. The figures of each window follow below.`}
          onPick={(time) => {
            const picked = mainWindow(windowsAt(windows, time));
            if (picked) change({ window: asDate(picked.start_ms) });
          }}
          onZoom={(zoomFrom, zoomTo) => {
            const whole = zoomFrom <= model.from && zoomTo >= model.to;
            change(whole ? { from: undefined, to: undefined } : { from: asDate(zoomFrom), to: asDate(zoomTo) });
          }}
        />
      </section>
      {main && (
        <section className="window">
          <Walk windows={windows} start={main.start_ms} change={change} />
          <h2>{main.kind === 'day' ? day(main.start_ms) : span(main.start_ms, main.end_ms)}</h2>
          {[...at].sort((a, b) => b.report.rows - a.report.rows).map((window) => (
            <WindowDetail key={window.bundle} window={window} config={config} />
          ))}
        </section>
      )}
    </>
  );
}

// The windows before and after, for the keyboard and for small screens.
function Walk({ windows, start, change }: { windows: Window[]; start: number; change: Props['change'] }) {
  const starts = [...new Set(windows.map((window) => window.start_ms))].sort((a, b) => a - b);
  const at = starts.indexOf(start);
  const go = (index: number) => change({ window: asDate(starts[index]!) });
  return (
    <div className="walk">
      <button type="button" className="link" disabled={at <= 0} onClick={() => go(at - 1)}>← Before</button>
      <button type="button" className="link" disabled={at >= starts.length - 1} onClick={() => go(at + 1)}>After →</button>
    </div>
  );
}
