// What the screens read, cached by TanStack Query; any change on the server makes them read again.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import * as api from './api';

export const useStatus = () => useQuery({ queryKey: ['status'], queryFn: ({ signal }) => api.status(signal) });

export const useMe = () => useQuery({ queryKey: ['me'], queryFn: ({ signal }) => api.me(signal), staleTime: 60_000 });

export const useWindows = (endpoint: string, kind: 'day' | 'week') =>
  useQuery({ queryKey: ['windows', endpoint, kind], queryFn: ({ signal }) => api.windows(endpoint, kind, signal) });

export const useRollouts = () => useQuery({ queryKey: ['rollouts'], queryFn: ({ signal }) => api.rollouts(signal) });

export const useRollout = (id: string) =>
  useQuery({ queryKey: ['rollout', id], queryFn: ({ signal }) => api.rollout(id, signal) });

export const useAlerts = () => useQuery({ queryKey: ['alerts'], queryFn: ({ signal }) => api.alerts(signal) });

export const useRetrains = () => useQuery({ queryKey: ['retrains'], queryFn: ({ signal }) => api.retrains(signal) });

export const useMonitorConfig = (endpoint: string) =>
  useQuery({ queryKey: ['monitor', endpoint], queryFn: ({ signal }) => api.monitorConfig(endpoint, signal) });

export const useTrace = (id: string) =>
  useQuery({ queryKey: ['trace', id], queryFn: ({ signal }) => api.trace(id, signal), retry: false });

export type Connection = 'connecting' | 'live' | 'lost';

const quietMs = 400; // changes closer together than this are read once
const againMs = 4_000;

// Server-sent events: the browser reconnects by itself; where it gives up, try again slowly. A hidden tab listens to
// nothing, since browsers allow six connections to a server, all tabs together; once seen, it reads again.
export function useLive(): Connection {
  const client = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  useEffect(() => {
    let source: EventSource | undefined;
    let timer: number | undefined;
    let retry: number | undefined;
    let before = false; // it was connected, so something may have been missed
    const refresh = () => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        void client.invalidateQueries();
      }, quietMs);
    };
    const disconnect = () => {
      source?.close();
      source = undefined;
      window.clearTimeout(retry);
    };
    const connect = () => {
      disconnect();
      source = new EventSource(api.streamAddress);
      source.onopen = () => {
        setConnection('live');
        if (before) refresh();
        before = true;
      };
      source.addEventListener('change', refresh);
      source.onerror = () => {
        setConnection('lost');
        if (source?.readyState === EventSource.CLOSED) retry = window.setTimeout(connect, againMs);
      };
    };
    const follow = () => (document.hidden ? disconnect() : connect());
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      disconnect();
      window.clearTimeout(timer);
    };
  }, [client]);
  return connection;
}

// Who acts, as the record will say; kept in this browser only.
export function actor(): string {
  return localStorage.getItem('fettle-actor') ?? '';
}
export function setActor(name: string): void {
  localStorage.setItem('fettle-actor', name);
}
