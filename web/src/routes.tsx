// The addresses of the page. Only Home and the frame are in the first script; every other screen is fetched when opened.
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { Home } from './home/home';
import { NotFound } from './ui/notes';
import { Shell } from './ui/shell';

const root = createRootRoute({ component: Shell, notFoundComponent: () => <NotFound what="page" /> });

export interface EndpointSearch {
  kind?: 'day' | 'week';
  from?: string; // dates: "2001-05-14"
  to?: string;
  window?: string; // start of the chosen window
}

function date(value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
}

const home = createRoute({ getParentRoute: () => root, path: '/', component: Home });
const endpoint = createRoute({
  getParentRoute: () => root,
  path: '/endpoints/$name',
  validateSearch: (search: Record<string, unknown>): EndpointSearch => ({
    kind: search.kind === 'day' ? 'day' : undefined,
    from: date(search.from),
    to: date(search.to),
    window: date(search.window),
  }),
  component: lazyRouteComponent(() => import('./endpoint/endpoint'), 'EndpointScreen'),
});
const rollouts = createRoute({
  getParentRoute: () => root,
  path: '/rollouts',
  component: lazyRouteComponent(() => import('./rollout/list'), 'RolloutList'),
});
const rollout = createRoute({
  getParentRoute: () => root,
  path: '/rollouts/$id',
  component: lazyRouteComponent(() => import('./rollout/rollout'), 'RolloutScreen'),
});
const alerts = createRoute({
  getParentRoute: () => root,
  path: '/alerts',
  component: lazyRouteComponent(() => import('./alerts/alerts'), 'AlertList'),
});
const prediction = createRoute({
  getParentRoute: () => root,
  path: '/predictions/$id',
  component: lazyRouteComponent(() => import('./prediction/prediction'), 'PredictionScreen'),
});

export function createRoutes() {
  return createRouter({
    routeTree: root.addChildren([home, endpoint, rollouts, rollout, alerts, prediction]),
    defaultPreload: 'intent',
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createRoutes>;
  }
}
