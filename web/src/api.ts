// The one place that knows the server's addresses and shapes. Times are milliseconds UTC; `event_ms` is the time of the
// traffic, every other time the wall clock's. Shapes follow src/control/records.h and src/monitor/report.h.

const base = '/api/fettle/v1';

// Says that a script asks, so that a refusal does not open the browser's own window for passwords.
export const ofThePage = { 'x-fettle-page': '1' };

export type Health = 'healthy' | 'watch' | 'broken' | 'unknown';
export type RolloutState = 'running' | 'held' | 'promoted' | 'rolled_back';
export type RetrainState = 'running' | 'succeeded' | 'failed';
export type AlertKind = 'data_quality' | 'drift' | 'concept_drift' | 'performance';
export type RolloutVerb = 'hold' | 'resume' | 'promote' | 'rollback';

export interface VariantShare {
  variant: string;
  version: number;
  bundle: string;
  percent: number;
}

export interface Quality {
  log_loss: number;
  log_loss_lower: number;
  log_loss_upper: number;
  log_loss_constant: number;
  auc: number;
  auc_lower: number;
  auc_upper: number;
  reference_log_loss: number;
  reference_auc: number;
  window_start_ms: number;
  window_end_ms: number;
}

export interface EndpointStatus {
  name: string;
  model: string;
  state: Health;
  why: string;
  since_event_ms?: number;
  doing?: string;
  variants: VariantShare[];
  rollout?: string | null;
  quality?: Quality | null; // of the champion's newest judged week
  predictions: number;
  outcomes: number;
  watermark_ms?: number;
  late?: number; // rows of windows that were closed when they came
  unmatched?: number; // outcomes without a prediction
  live?: LiveRollout | null;
}

export interface Deployed {
  variant: string;
  bundle: string;
  version: number;
}

export interface Step {
  percent: number;
  min_outcomes: number;
  margin: number;
}

export interface Guardrails {
  max_error_rate_increase: number;
  max_latency_ratio: number;
  max_loss_increase: number;
}

export interface Plan {
  steps: Step[];
  guardrails: Guardrails;
  alpha: number;
  max_step_ms: number;
}

export interface Rollout {
  id: string;
  endpoint: string;
  model: string;
  champion: Deployed;
  challenger: Deployed;
  plan: Plan;
  state: RolloutState;
  step: number;
  step_event_ms: number;
  created_ms: number;
  updated_ms: number;
  created_by: string;
  reason: string;
}

export interface ArmEvidence {
  requests: number;
  errors?: number;
  latency_p99_us?: number;
  outcomes: number;
  mean_loss: number;
}

export interface Evidence {
  step_age_ms?: number;
  champion?: ArmEvidence;
  challenger?: ArmEvidence;
}

export interface Decision {
  rollout: string;
  time_ms: number;
  event_ms: number;
  step: number;
  action: string;
  actor: string;
  reason: string;
  difference: number;
  lower: number;
  upper: number;
  evidence: Evidence | null;
}

export interface ArmView {
  variant: string;
  requests: number;
  errors?: number;
  outcomes: number;
  mean_loss: number;
  latency_p99_us: number;
}

export interface LiveRollout {
  rollout: string;
  waiting: string;
  difference: number;
  lower: number;
  upper: number;
  arms: ArmView[];
}

export interface RolloutDetail {
  rollout: Rollout;
  decisions: Decision[];
  live: LiveRollout | null;
}

export interface Alert {
  id: string;
  endpoint: string;
  kind: AlertKind;
  subject: string;
  severity: string;
  message: string;
  state: 'open' | 'acknowledged' | 'closed';
  opened_event_ms: number;
  updated_event_ms: number;
  closed_event_ms: number;
  acknowledged_by: string;
  doing: string;
}

export interface Retrain {
  id: string;
  endpoint: string;
  project: string;
  alert: string;
  reason: string;
  state: RetrainState;
  command: string[];
  event_ms: number;
  started_ms: number;
  finished_ms: number;
  exit_code: number;
  output: string;
}

export interface Change {
  time_ms: number;
  event_ms: number;
  kind: string;
  endpoint: string;
  id: string;
  text: string;
}

export interface Status {
  server: { version: string; uptime_s: number };
  endpoints: EndpointStatus[];
  alerts: Alert[];
  rollouts: Rollout[];
  retrains: Retrain[];
  changes: Change[];
}

export interface QualityFinding {
  feature: string;
  rule: string; // "missing", "unseen_category", "non_finite", "out_of_range", "constant_per"
  rows: number;
  share: number;
  reference_share: number;
  slice: string;
  slice_share: number;
  slice_of_all: number;
  example: string;
  p: number;
  q: number;
  alarm: boolean;
}

export interface DriftFinding {
  feature: string;
  slice: string; // empty for all rows
  rows: number;
  effect: number; // whole: debiased Jensen-Shannon distance, base 2; slice: shift of the mean in standard deviations
  ks: number;
  psi: number;
  mean: number;
  reference_mean: number;
  p: number;
  q: number;
  alarm: boolean;
}

export interface ConceptDrift {
  n: number;
  days: number;
  predicted_mean: number;
  observed_mean: number;
  gap: number; // predicted minus observed, with its interval
  lower: number;
  upper: number;
  ece: number;
  alarm: boolean;
}

export interface Performance {
  n: number;
  log_loss: number;
  log_loss_lower: number;
  log_loss_upper: number;
  log_loss_constant: number; // of the window's own observed rate
  auc: number;
  auc_lower: number;
  auc_upper: number;
  brier: number;
  reference_log_loss: number; // held out, when the model was made
  reference_log_loss_constant: number;
  reference_auc: number;
  reason: string;
  alarm: boolean;
}

export interface WindowReport {
  rows: number;
  malformed: number;
  outcomes: number;
  outcome_share: number;
  days: number;
  quality_judged: boolean; // enough rows
  drift_judged: boolean; // and enough days
  outcomes_judged: boolean; // enough outcomes over enough days
  waiting_for: string;
  data_quality: QualityFinding[];
  drift: DriftFinding[];
  output_drift: DriftFinding;
  concept_drift: ConceptDrift;
  performance: Performance;
}

// Of `monitor:` in fettle.yaml: what the page draws as thresholds.
export interface MonitorConfig {
  alpha: number;
  min_drift: number;
  min_calibration_gap: number;
  max_log_loss_ratio: number;
  min_auc_drop: number;
  consecutive: number;
}

export interface Project {
  name: string;
  folder: string;
  endpoint: string;
  monitor: Partial<MonitorConfig> | null;
}

export interface Window {
  endpoint: string;
  bundle: string;
  version: number;
  variant: string;
  kind: 'day' | 'week';
  start_ms: number;
  end_ms: number;
  report: WindowReport;
}

// The way back from one prediction; a part is null where nothing is known.
export interface Trace {
  prediction: {
    id: string;
    time_ms: number;
    endpoint: string;
    variant: string;
    bundle: string;
    unit: string;
    inputs: (number | null)[];
    unknown_categories: string[];
    output: number;
    latency_us: number;
    named_inputs?: Record<string, number | string | null>;
    output_name?: string;
  };
  outcomes: { label: number; time_ms: number }[];
  version: { model: string; version: number } | null;
  bundle: Manifest | null;
  run: { run_id: string; name: string; start_ms: number; params: Record<string, string>; metrics: Record<string, number>; tags: Record<string, string> } | null;
}

export interface Named {
  name: string;
  digest: string;
}

export interface Manifest {
  digest: string;
  model: string;
  files: { path: string; digest: string; size: number }[];
  provenance: { project: string; run_id: string; commit: string; dirty: boolean; snapshots: Named[]; steps: Named[]; params: Record<string, unknown> | null };
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function failure(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: { code?: string; message?: string } | string } | null)?.error;
  if (typeof error === 'string') return new ApiError(response.status, '', error);
  return new ApiError(response.status, error?.code ?? '', error?.message ?? `the server answered ${response.status}`);
}

async function call(path: string, init?: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(base + path, { ...init, headers: { accept: 'application/json', ...ofThePage, ...init?.headers } });
  } catch {
    throw new ApiError(0, 'unavailable', 'the server cannot be reached');
  }
  if (!response.ok) throw await failure(response);
  return response.json();
}

const get = (path: string, signal?: AbortSignal) => call(path, { signal });
const post = (path: string, body: unknown) =>
  call(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const part = encodeURIComponent;

// A list may come bare or under its name.
function list<T>(value: unknown, key: string): T[] {
  if (Array.isArray(value)) return value as T[];
  return ((value as Record<string, T[] | undefined> | null)?.[key] ?? []) as T[];
}

export async function status(signal?: AbortSignal): Promise<Status> {
  const raw = (await get('/status', signal)) as Partial<Status>;
  return {
    server: raw.server ?? { version: '', uptime_s: 0 },
    endpoints: raw.endpoints ?? [],
    alerts: raw.alerts ?? [],
    rollouts: raw.rollouts ?? [],
    retrains: raw.retrains ?? [],
    changes: raw.changes ?? [],
  };
}

export async function windows(endpoint: string, kind: 'day' | 'week', signal?: AbortSignal): Promise<Window[]> {
  return list<Window>(await get(`/endpoints/${part(endpoint)}/windows?kind=${kind}`, signal), 'windows');
}

export async function rollouts(signal?: AbortSignal): Promise<Rollout[]> {
  return list<Rollout>(await get('/rollouts', signal), 'rollouts');
}

export async function rollout(id: string, signal?: AbortSignal): Promise<RolloutDetail> {
  const raw = (await get(`/rollouts/${part(id)}`, signal)) as Partial<RolloutDetail> & Rollout;
  return { rollout: raw.rollout ?? raw, decisions: raw.decisions ?? [], live: raw.live ?? null };
}

export async function alerts(signal?: AbortSignal): Promise<Alert[]> {
  return list<Alert>(await get('/alerts', signal), 'alerts');
}

export async function retrains(signal?: AbortSignal): Promise<Retrain[]> {
  return list<Retrain>(await get('/retrains', signal), 'retrains');
}

export async function monitorConfig(endpoint: string, signal?: AbortSignal): Promise<MonitorConfig> {
  const projects = list<Project>(await get('/projects', signal), 'projects');
  const mine = projects.find((project) => project.endpoint === endpoint)?.monitor;
  const standard = { alpha: 0.01, min_drift: 0.1, min_calibration_gap: 0.05, max_log_loss_ratio: 1.25, min_auc_drop: 0.05, consecutive: 2 };
  return { ...standard, ...mine };
}

export async function trace(prediction: string, signal?: AbortSignal): Promise<Trace> {
  return (await get(`/predictions/${part(prediction)}`, signal)) as Trace;
}

export async function command(id: string, verb: RolloutVerb, actor: string, reason: string): Promise<void> {
  await post(`/rollouts/${part(id)}/${verb}`, { actor, reason });
}

export async function startRollout(endpoint: string, version: number, actor: string, reason: string): Promise<Rollout> {
  const raw = (await post('/rollouts', { endpoint, version, actor, reason })) as { rollout?: Rollout } & Rollout;
  return typeof raw.rollout === 'object' ? raw.rollout : raw;
}

export async function acknowledge(id: string, actor: string): Promise<void> {
  await post(`/alerts/${part(id)}/acknowledge`, { actor });
}

export interface Me {
  access_control: boolean;
  user: string; // empty without access control
  admin: boolean;
}

export async function me(signal?: AbortSignal): Promise<Me> {
  return (await get('/me', signal)) as Me;
}

export async function signIn(user: string, password: string): Promise<void> {
  await post('/login', { user, password });
}

export async function signOut(): Promise<void> {
  await post('/logout', {});
}

export const streamAddress = `${base}/stream`;

// The same request for a shell, shown beside what the page does.
export function curl(path: string, body?: unknown): string {
  const address = `${location.origin}${base}${path}`;
  if (body === undefined) return `curl '${address}'`;
  return `curl -X POST '${address}' -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`;
}
