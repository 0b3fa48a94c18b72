// Whether the server knows who looks. An answer 401 to any request means that it does not; then the page asks. Signing in
// gives the browser a cookie that no script can read.
import { useSyncExternalStore } from 'react';
import { ApiError } from './api';

let signedOut = false;
const listeners = new Set<() => void>();

function set(value: boolean): void {
  if (signedOut === value) return;
  signedOut = value;
  for (const listener of listeners) listener();
}

export function notice(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) set(true);
}

export const signedIn = () => set(false);

export function useSignedOut(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => signedOut,
  );
}
