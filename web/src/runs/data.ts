// What the screens of runs and models read. Runs that go on are read again now and then: the stream of changes is about
// endpoints, not about runs.
import { useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query';
import * as tracking from '../tracking';

const followMs = 5_000;
const isGoingOn = (run: tracking.Run | undefined) => run?.status === 'RUNNING' || run?.status === 'SCHEDULED';

type ReadPage<T> = (filter: string, token: string | undefined, signal: AbortSignal) => Promise<tracking.Page<T>>;

// What is shown stays until what was asked for instead is there.
function usePages<T>(kind: string, filter: string, read: ReadPage<T>) {
  return useInfiniteQuery({
    queryKey: [kind, filter],
    queryFn: ({ pageParam, signal }) => read(filter, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    retry: false,
    placeholderData: (before) => before,
  });
}

export const useExperiments = (filter: string) => usePages('experiments', filter, tracking.experiments);
export const useModels = (filter: string) => usePages('models', filter, tracking.models);

export const useExperiment = (id: string) =>
  useQuery({ queryKey: ['experiment', id], queryFn: ({ signal }) => tracking.experiment(id, signal), enabled: id !== '', retry: false });

export const useRuns = (query: tracking.RunQuery) =>
  useInfiniteQuery({
    queryKey: ['runs', query],
    queryFn: ({ pageParam, signal }) => tracking.searchRuns(query, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    retry: false,
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => (state.data?.pages.length === 1 && state.data.pages[0]?.items.some(isGoingOn) ? followMs : false),
  });

export const useRun = (id: string) =>
  useQuery({ queryKey: ['run', id], queryFn: ({ signal }) => tracking.run(id, signal), retry: false, refetchInterval: ({ state }) => (isGoingOn(state.data) ? followMs : false) });

export const useRunsById = (ids: string[]) =>
  useQueries({
    queries: ids.map((id) => ({ queryKey: ['run', id], queryFn: ({ signal }: { signal: AbortSignal }) => tracking.run(id, signal), retry: false })),
    combine: (results) => ({
      runs: results.flatMap((result) => (result.data ? [result.data] : [])),
      error: results.find((result) => result.error)?.error ?? null,
      pending: results.some((result) => result.isPending),
    }),
  });

export interface CurvePoints {
  key: string;
  points: tracking.Point[];
}

// The curves of some metrics; those that are not there yet are left out.
export const useCurves = (runs: string[], keys: string[], follow: boolean) =>
  useQueries({
    queries: keys.map((key) => ({
      queryKey: ['curve', runs, key],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<CurvePoints> => ({ key, points: await tracking.curve(runs, key, signal) }),
      refetchInterval: follow ? followMs : (false as const),
    })),
    combine: (results) => ({ curves: results.flatMap((result) => result.data ?? []), error: results.find((result) => result.error)?.error ?? null, pending: results.some((result) => result.isPending) }),
  });

export const useArtifacts = (run: string, path: string, open: boolean) =>
  useQuery({ queryKey: ['artifacts', run, path], queryFn: ({ signal }) => tracking.artifacts(run, path, signal), enabled: open, retry: false });

export const useArtifactText = (run: string, path: string) =>
  useQuery({ queryKey: ['artifact', run, path], queryFn: ({ signal }) => tracking.artifactText(run, path, signal), retry: false, staleTime: Infinity });

export const useModel = (name: string) => useQuery({ queryKey: ['model', name], queryFn: ({ signal }) => tracking.model(name, signal), retry: false });
export const useVersions = (name: string) => useQuery({ queryKey: ['versions', name], queryFn: ({ signal }) => tracking.versions(name, signal), retry: false });

export { isGoingOn };
