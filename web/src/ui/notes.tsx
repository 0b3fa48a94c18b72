// What a screen says when there is nothing to show: loading, failed, empty, unknown address.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { sentence } from '../words';

export function Loading() {
  return <p className="note note-loading" role="status">Reading…</p>;
}

export function Failed({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div className="note" role="alert">
      <p>{sentence(error.message)}</p>
      {again && (
        <button type="button" className="link" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function NotFound({ what, name }: { what: string; name?: string }) {
  return (
    <div className="note">
      <h1>There is no {what} {name ? `“${name}”` : 'at this address'}.</h1>
      <p>
        <Link to="/">Home</Link> shows everything that is deployed.
      </p>
    </div>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}
