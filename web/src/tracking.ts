// MLflow's API as the page reads it: experiments, runs, metric histories, artifacts, registered models. Like api.ts the
// only place that knows these addresses and shapes. Times are milliseconds UTC, of the wall clock.
import { ApiError, ofThePage } from './api';

const base = '/ajax-api/2.0/mlflow';

export interface Tag {
  key: string;
  value: string;
}

export interface Experiment {
  experiment_id: string;
  name: string;
  artifact_location: string;
  lifecycle_stage: 'active' | 'deleted';
  creation_time: number;
  last_update_time: number;
  tags: Tag[];
}

export interface Point {
  key: string;
  value: number;
  timestamp: number;
  step: number;
  run_id: string;
}

export interface DatasetInput {
  name: string;
  digest: string;
  context: string;
}

export type RunStatus = 'RUNNING' | 'SCHEDULED' | 'FINISHED' | 'FAILED' | 'KILLED';

export interface Run {
  id: string;
  name: string;
  experiment: string;
  user: string;
  status: RunStatus;
  started: number;
  ended: number | null;
  deleted: boolean;
  artifacts: string; // where its artifacts are
  metrics: Record<string, number>; // the latest of each
  params: Record<string, string>;
  tags: Record<string, string>;
  datasets: DatasetInput[];
  models: string[]; // ids of logged models that it made
}

export interface ArtifactEntry {
  path: string; // whole, from the run's root
  is_dir: boolean;
  size: number;
}

export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  current_stage: string;
  description: string;
  source: string;
  run_id: string;
  status: string;
  tags: Tag[];
  aliases: string[];
}

export interface RegisteredModel {
  name: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  description: string;
  tags: Tag[];
  aliases: { alias: string; version: string }[];
  latest_versions: ModelVersion[];
}

export interface Page<T> {
  items: T[];
  next: string | undefined;
}

// What is empty is left out of an answer; a number that JSON has no word for comes as text.
type Raw<T> = { [K in keyof T]?: unknown } & { [key: string]: unknown };
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const number = (value: unknown): number => (value === undefined ? 0 : Number(value));
const list = (value: unknown): Record<string, unknown>[] => (Array.isArray(value) ? (value as Record<string, unknown>[]) : []);
const tagList = (value: unknown): Tag[] => list(value).map((tag) => ({ key: text(tag.key), value: text(tag.value) }));
const record = (value: unknown): Record<string, string> => Object.fromEntries(tagList(value).map((tag) => [tag.key, tag.value]));

async function call(path: string, init?: RequestInit): Promise<Record<string, unknown>> {
  let response: Response;
  try {
    response = await fetch(base + path, { ...init, headers: { accept: 'application/json', ...ofThePage, ...init?.headers } });
  } catch {
    throw new ApiError(0, 'unavailable', 'the server cannot be reached');
  }
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (!response.ok) throw new ApiError(response.status, text(body.error_code), text(body.message) || `the server answered ${response.status}`);
  return body;
}

type Query = Record<string, string | number | undefined | string[]>;

function address(path: string, query: Query): string {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== '') parts.append(key, String(one));
  return `${path}?${parts}`;
}

const get = (path: string, query: Query, signal?: AbortSignal) => call(address(path, query), { signal });
const send = (method: string, path: string, body: unknown, signal?: AbortSignal) =>
  call(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), signal });

function experimentOf(raw: Raw<Experiment>): Experiment {
  return {
    experiment_id: text(raw.experiment_id),
    name: text(raw.name),
    artifact_location: text(raw.artifact_location),
    lifecycle_stage: raw.lifecycle_stage === 'deleted' ? 'deleted' : 'active',
    creation_time: number(raw.creation_time),
    last_update_time: number(raw.last_update_time),
    tags: tagList(raw.tags),
  };
}

function datasetOf(raw: Record<string, unknown>): DatasetInput {
  const dataset = (raw.dataset ?? {}) as Record<string, unknown>;
  return { name: text(dataset.name), digest: text(dataset.digest), context: record(raw.tags)['mlflow.data.context'] ?? '' };
}

export function runOf(raw: Record<string, unknown>): Run {
  const part = (key: string) => (raw[key] ?? {}) as Record<string, unknown>;
  const info = part('info');
  const data = part('data');
  return {
    id: text(info.run_id),
    name: text(info.run_name),
    experiment: text(info.experiment_id),
    user: text(info.user_id),
    status: text(info.status) as RunStatus,
    started: number(info.start_time),
    ended: info.end_time === undefined ? null : number(info.end_time),
    deleted: info.lifecycle_stage === 'deleted',
    artifacts: text(info.artifact_uri),
    metrics: Object.fromEntries(list(data.metrics).map((metric) => [text(metric.key), number(metric.value)])),
    params: record(data.params),
    tags: record(data.tags),
    datasets: list(part('inputs').dataset_inputs).map(datasetOf),
    models: list(part('outputs').model_outputs).map((output) => text(output.model_id)),
  };
}

function versionOf(raw: Record<string, unknown>): ModelVersion {
  return {
    name: text(raw.name),
    version: text(raw.version),
    creation_timestamp: number(raw.creation_timestamp),
    last_updated_timestamp: number(raw.last_updated_timestamp),
    current_stage: text(raw.current_stage),
    description: text(raw.description),
    source: text(raw.source),
    run_id: text(raw.run_id),
    status: text(raw.status),
    tags: tagList(raw.tags),
    aliases: Array.isArray(raw.aliases) ? (raw.aliases as string[]) : [],
  };
}

function modelOf(raw: Record<string, unknown>): RegisteredModel {
  return {
    name: text(raw.name),
    creation_timestamp: number(raw.creation_timestamp),
    last_updated_timestamp: number(raw.last_updated_timestamp),
    description: text(raw.description),
    tags: tagList(raw.tags),
    aliases: list(raw.aliases).map((one) => ({ alias: text(one.alias), version: text(one.version) })),
    latest_versions: list(raw.latest_versions).map(versionOf),
  };
}

const next = (raw: Record<string, unknown>) => text(raw.next_page_token) || undefined;

export interface RunQuery {
  experiments: string[];
  filter: string;
  order: string[]; // "metrics.`auc` DESC"
  deleted: boolean;
}

export async function experiments(filter: string, token: string | undefined, signal?: AbortSignal): Promise<Page<Experiment>> {
  const raw = await send('POST', '/experiments/search', { max_results: 200, filter: filter || undefined, page_token: token, order_by: ['last_update_time DESC'] }, signal);
  return { items: list(raw.experiments).map(experimentOf), next: next(raw) };
}

export async function experiment(id: string, signal?: AbortSignal): Promise<Experiment> {
  return experimentOf((await get('/experiments/get', { experiment_id: id }, signal)).experiment as Raw<Experiment>);
}

export async function searchRuns(query: RunQuery, token: string | undefined, signal?: AbortSignal): Promise<Page<Run>> {
  const raw = await send('POST', '/runs/search', {
    experiment_ids: query.experiments, filter: query.filter || undefined, order_by: query.order, max_results: 250, page_token: token,
    run_view_type: query.deleted ? 'DELETED_ONLY' : 'ACTIVE_ONLY',
  }, signal);
  return { items: list(raw.runs).map(runOf), next: next(raw) };
}

export async function run(id: string, signal?: AbortSignal): Promise<Run> {
  return runOf((await get('/runs/get', { run_id: id }, signal)).run as Record<string, unknown>);
}

export const curvePoints = 320; // of one curve; the server chooses which

// The server takes 100 runs at once.
export async function curve(runs: string[], key: string, signal?: AbortSignal): Promise<Point[]> {
  const raw = await get('/metrics/get-history-bulk-interval', { run_ids: runs.slice(0, 100), metric_key: key, max_results: curvePoints }, signal);
  return list(raw.metrics).map((point) => ({ key, value: number(point.value), timestamp: number(point.timestamp), step: number(point.step), run_id: text(point.run_id) }));
}

export async function artifacts(runId: string, path: string, signal?: AbortSignal): Promise<ArtifactEntry[]> {
  const raw = await get('/artifacts/list', { run_id: runId, path }, signal);
  return list(raw.files).map((file) => ({ path: text(file.path), is_dir: file.is_dir === true, size: number(file.file_size) }));
}

export const artifactAddress = (runId: string, path: string) => address('/get-artifact', { run_id: runId, path });

const previewBytes = 64 * 1024;

// The beginning of a text file.
export async function artifactText(runId: string, path: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(artifactAddress(runId, path), { headers: { range: `bytes=0-${previewBytes - 1}` }, signal });
  if (!response.ok) throw new ApiError(response.status, '', `'${path}' cannot be read: the server answered ${response.status}`);
  return response.text();
}

export async function models(filter: string, token: string | undefined, signal?: AbortSignal): Promise<Page<RegisteredModel>> {
  const raw = await get('/registered-models/search', { filter, max_results: 200, page_token: token }, signal);
  return { items: list(raw.registered_models).map(modelOf), next: next(raw) };
}

export async function model(name: string, signal?: AbortSignal): Promise<RegisteredModel> {
  return modelOf((await get('/registered-models/get', { name }, signal)).registered_model as Record<string, unknown>);
}

// Words as a filter: names that have them, in any case.
export function nameFilter(words: string): string {
  const plain = words.trim().replaceAll("'", '');
  return plain === '' ? '' : `name ILIKE '%${plain}%'`;
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;

export async function versions(name: string, signal?: AbortSignal): Promise<ModelVersion[]> {
  const raw = await get('/model-versions/search', { filter: `name = ${quoted(name)}`, order_by: ['version_number DESC'], max_results: 1000 }, signal);
  return list(raw.model_versions).map(versionOf);
}

export const setTag = (runId: string, key: string, value: string) => send('POST', '/runs/set-tag', { run_id: runId, key, value });
export const deleteRun = (runId: string) => send('POST', '/runs/delete', { run_id: runId });
export const restoreRun = (runId: string) => send('POST', '/runs/restore', { run_id: runId });
export const setAlias = (name: string, alias: string, version: string) => send('POST', '/registered-models/alias', { name, alias, version });
export async function register(name: string, source: string, runId: string): Promise<ModelVersion> {
  await send('POST', '/registered-models/create', { name }).catch((error: unknown) => {
    if (!(error instanceof ApiError) || error.code !== 'RESOURCE_ALREADY_EXISTS') throw error;
  });
  return versionOf((await send('POST', '/model-versions/create', { name, source, run_id: runId })).model_version as Record<string, unknown>);
}
