// Numbers and times in words. Pure; times are UTC, because windows are.
import type { Alert, AlertKind, EndpointStatus, Health, Rollout, RolloutState, Status } from './api';

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const dayMs = 86_400_000;

// "21 May 2001"; without the year when it is that of `near`.
export function day(ms: number, near?: number): string {
  const date = new Date(ms);
  const text = `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
  const sameYear = near !== undefined && new Date(near).getUTCFullYear() === date.getUTCFullYear();
  return sameYear ? text : `${text} ${date.getUTCFullYear()}`;
}

export function clock(ms: number): string {
  return new Date(ms).toISOString().slice(11, 16);
}

export function moment(ms: number): string {
  return `${day(ms)}, ${clock(ms)}`;
}

// A window's end is exclusive: its last day is the one before.
export function span(startMs: number, endMs: number): string {
  const last = endMs - 1;
  if (endMs - startMs <= dayMs) return day(startMs);
  const first = new Date(startMs);
  const final = new Date(last);
  if (first.getUTCMonth() === final.getUTCMonth()) return `${first.getUTCDate()}–${day(last)}`;
  return `${day(startMs, last)} – ${day(last)}`;
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function briefCount(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toFixed(value < 9.95e6 ? 2 : 1)} M`;
  if (value >= 10_000) return `${Math.round(value / 1000)} k`;
  return count(value);
}

export function percent(share: number, digits = 1): string {
  return `${(share * 100).toFixed(digits)} %`;
}

export function fixed(value: number | undefined | null, digits = 4): string {
  return value === undefined || value === null || !Number.isFinite(value) ? '–' : value.toFixed(digits).replace('-', '−');
}

export function signed(value: number, digits = 4): string {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : `${value > 0 ? '+' : '−'}${text}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 90_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 90 * 60_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 48 * 3_600_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / dayMs)} days`;
}

export function microseconds(us: number): string {
  return us < 1000 ? `${us.toFixed(us < 10 ? 1 : 0)} µs` : `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`;
}

export function brief(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

export const kindNames: Record<AlertKind, string> = {
  data_quality: 'Data quality',
  drift: 'Drift',
  concept_drift: 'Concept drift',
  performance: 'Performance',
};

export const stateNames: Record<RolloutState, string> = {
  running: 'running',
  held: 'held',
  promoted: 'promoted',
  rolled_back: 'rolled back',
};

export const healthNames: Record<Health, string> = {
  healthy: 'Healthy',
  watch: 'Watch',
  broken: 'Broken',
  unknown: 'Not enough data',
};

// Numbers keep their units and names their numbers on one line.
export function unbroken(text: string): string {
  return text
    .replace(/(\d) (%|points|sd|times|MB|KB|ms|µs|of \d|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/g, '$1\u00a0$2')
    .replace(/\b(version|step) (\d)/gi, '$1\u00a0$2')
    .replace(/ = (\S)/g, '\u00a0=\u00a0$1');
}

export function sentence(text: string): string {
  if (text === '') return '';
  // A name stays as it is written: "late_probability: ...".
  const isName = /^\S*[_:]/.test(text);
  const whole = unbroken(isName ? text : text.charAt(0).toUpperCase() + text.slice(1));
  return /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}

function names(endpoints: EndpointStatus[]): string {
  const list = endpoints.map((endpoint) => endpoint.name);
  if (list.length <= 2) return list.join(' and ');
  return `${list.slice(0, -1).join(', ')} and ${list.at(-1)}`;
}

export interface Answer {
  state: Health;
  headline: string;
}

// The page's first sentence: the worst state speaks.
export function answer(status: Status): Answer {
  const all = status.endpoints;
  const of = (state: Health) => all.filter((endpoint) => endpoint.state === state);
  const broken = of('broken');
  const watch = of('watch');
  const healthy = of('healthy');
  if (all.length === 0) return { state: 'unknown', headline: 'Nothing is deployed yet.' };
  if (broken.length > 0) return { state: 'broken', headline: `${names(broken)} ${broken.length > 1 ? 'need' : 'needs'} you.` };
  if (watch.length > 0)
    return { state: 'watch', headline: `${names(watch)} ${watch.length > 1 ? 'are' : 'is'} being watched closely.` };
  if (healthy.length === 0) return { state: 'unknown', headline: 'Too early to say.' };
  if (all.length === 1) return { state: 'healthy', headline: 'Your model is in fine fettle.' };
  const rest = all.length - healthy.length;
  if (rest > 0) return { state: 'healthy', headline: `${names(healthy)} in fine fettle, ${rest} too early to say.` };
  return { state: 'healthy', headline: `All ${all.length} endpoints are in fine fettle.` };
}

export const isOpen = (alert: Alert): boolean => alert.state !== 'closed';
export const isActive = (rollout: Rollout): boolean => rollout.state === 'running' || rollout.state === 'held';

// Latest traffic time known: the "now" of a replay.
export function trafficNow(status: Status): number {
  const times = status.endpoints.flatMap((endpoint) => [endpoint.watermark_ms ?? 0, endpoint.since_event_ms ?? 0]);
  const marks = [...status.changes.map((c) => c.event_ms), ...status.alerts.map((a) => a.updated_event_ms)];
  return Math.max(0, ...times, ...marks);
}

export interface Consequence {
  title: string;
  will: string[];
  undo: string;
  button: string;
  danger: boolean;
}

// What a command on a rollout does, said before it is done.
export function consequence(verb: 'hold' | 'resume' | 'promote' | 'rollback', rollout: Rollout): Consequence {
  const challenger = `version ${rollout.challenger.version}`;
  const champion = `version ${rollout.champion.version}`;
  const share = rollout.plan.steps[rollout.step]?.percent ?? 0;
  switch (verb) {
    case 'hold':
      return {
        title: 'Hold this rollout',
        will: [`${challenger} keeps its ${share} % of the traffic`, 'evidence is still gathered, no step is taken', 'a breached guardrail is shown, not acted on'],
        undo: 'Resume at any time.',
        button: 'Hold',
        danger: false,
      };
    case 'resume':
      return {
        title: 'Resume this rollout',
        will: [`Fettle decides again, starting from step ${rollout.step + 1} (${share} %)`],
        undo: 'Hold at any time.',
        button: 'Resume',
        danger: false,
      };
    case 'promote':
      return {
        title: `Promote ${challenger} now`,
        will: [
          `all traffic of ${rollout.endpoint} goes to ${challenger}, from ${share} % now`,
          `the steps that are left are skipped, with the evidence they would have asked for`,
          `${challenger} becomes champion; ${champion} stays in the registry`,
        ],
        undo: `Undo: roll out ${champion} again.`,
        button: `Promote ${challenger}`,
        danger: false,
      };
    case 'rollback':
      return {
        title: `Roll back to ${champion}`,
        will: [
          `all traffic of ${rollout.endpoint} goes back to ${champion} at once`,
          `this rollout ends; its evidence and decisions stay on record`,
        ],
        undo: `Undo: start a new rollout of ${challenger}.`,
        button: `Roll back to ${champion}`,
        danger: true,
      };
  }
}
