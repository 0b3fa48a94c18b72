// The frame: mark, where one can go, search, colour scheme, and whether the page is live.
import { Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { Link, Outlet, useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { signOut } from '../api';
import { type Connection, useLive, useMe, useStatus } from '../data';
import { useKeys } from './keys';

const Search = lazy(() => import('./search'));
const Help = lazy(() => import('./help'));

const connectionWords: Record<Connection, string> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'not connected',
};

function Scheme() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const other = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={`Use the ${other} colours`}>
      <button type="button" className="icon" onClick={() => setColorScheme(other)} aria-label={`Use the ${other} colours`}>
        <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden>
          <circle cx="8" cy="8" r="6.2" />
          <path d="M8 1.8a6.2 6.2 0 010 12.4z" className="filled" />
        </svg>
      </button>
    </Tooltip>
  );
}

function Live({ connection }: { connection: Connection }) {
  return (
    <span className={`live live-${connection}`} role="status">
      <span className="live-dot" aria-hidden />
      <span className="live-word">{connectionWords[connection]}</span>
    </span>
  );
}

// Who is signed in, on a server that asks.
function Who() {
  const me = useMe();
  const client = useQueryClient();
  if (!me.data?.user) return null;
  return (
    <span>
      Signed in as {me.data.user}.{' '}
      <button type="button" className="link" onClick={() => void signOut().then(() => client.invalidateQueries())}>
        Sign out
      </button>
    </span>
  );
}

export function Shell() {
  const connection = useLive();
  const status = useStatus();
  const [open, setOpen] = useState<'search' | 'help' | null>(null);
  const navigate = useNavigate();
  const first = status.data?.endpoints[0]?.name;
  const go = useCallback(
    (place: string) => {
      if (place === 'endpoint' && first) void navigate({ to: '/endpoints/$name', params: { name: first } });
      else if (place === 'rollouts') void navigate({ to: '/rollouts' });
      else if (place === 'alerts') void navigate({ to: '/alerts' });
      else if (place === 'experiments') void navigate({ to: '/experiments' });
      else if (place === 'models') void navigate({ to: '/models' });
      else if (place === 'home') void navigate({ to: '/' });
    },
    [navigate, first],
  );
  useKeys({ go, search: () => setOpen('search'), help: () => setOpen('help') });
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Fettle, home">
          <img src="/mark.svg" width="24" height="24" alt="" /> Fettle
        </Link>
        <nav aria-label="Screens">
          <Link to="/" activeOptions={{ exact: true }}>Home</Link>
          {status.data?.endpoints.slice(0, 4).map((endpoint) => (
            <Link key={endpoint.name} to="/endpoints/$name" params={{ name: endpoint.name }} className="nav-endpoint">
              {endpoint.name}
            </Link>
          ))}
          <Link to="/rollouts">Rollouts</Link>
          <Link to="/alerts">Alerts</Link>
          <Link to="/experiments">Experiments</Link>
          <Link to="/models">Models</Link>
        </nav>
        <div className="top-end">
          <Live connection={connection} />
          <button type="button" className="find" onClick={() => setOpen('search')} aria-label="Search">
            <svg width="14" height="14" viewBox="0 0 14 14" aria-hidden><circle cx="6" cy="6" r="4.4" /><path d="M9.3 9.3l3.4 3.4" /></svg>
            <span>Search</span> <kbd>/</kbd>
          </button>
          <Scheme />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <Suspense>
          <Outlet />
        </Suspense>
      </main>
      <footer className="foot">
        <span>Fettle {status.data?.server.version}</span>
        <span>Times are UTC; of an endpoint, its traffic’s own</span>
        <Who />
        <button type="button" className="link" onClick={() => setOpen('help')}>
          Keys <kbd>?</kbd>
        </button>
      </footer>
      <Suspense>
        {open === 'search' && <Search close={() => setOpen(null)} />}
        {open === 'help' && <Help close={() => setOpen(null)} />}
      </Suspense>
    </>
  );
}
