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

export interface RunsSearch {
  filter?: string; // MLflow's grammar
  order?: string; // "metrics.`auc` DESC"
  columns?: string; // one a line: "params.depth"
  runs?: string; // chosen ones, by comma
  deleted?: boolean;
  picture?: boolean;
}

const words = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const yes = (value: unknown): true | undefined => (value === true ? true : undefined);

const experiments = createRoute({
  getParentRoute: () => root,
  path: '/experiments',
  component: lazyRouteComponent(() => import('./runs/experiments'), 'ExperimentList'),
});
const runs = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$id',
  validateSearch: (search: Record<string, unknown>): RunsSearch => ({
    filter: words(search.filter),
    order: words(search.order),
    columns: words(search.columns),
    runs: words(search.runs),
    deleted: yes(search.deleted),
    picture: yes(search.picture),
  }),
  component: lazyRouteComponent(() => import('./runs/runs'), 'RunsScreen'),
});
const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$id',
  component: lazyRouteComponent(() => import('./runs/run'), 'RunScreen'),
});
const compare = createRoute({
  getParentRoute: () => root,
  path: '/compare',
  validateSearch: (search: Record<string, unknown>): { runs?: string } => ({ runs: words(search.runs) }),
  component: lazyRouteComponent(() => import('./runs/comparison'), 'CompareScreen'),
});
const models = createRoute({
  getParentRoute: () => root,
  path: '/models',
  component: lazyRouteComponent(() => import('./models/models'), 'ModelList'),
});
const model = createRoute({
  getParentRoute: () => root,
  path: '/models/$name',
  component: lazyRouteComponent(() => import('./models/model'), 'ModelScreen'),
});

export function createRoutes() {
  return createRouter({
    routeTree: root.addChildren([home, endpoint, rollouts, rollout, alerts, prediction, experiments, runs, run, compare, models, model]),
    defaultPreload: 'intent',
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createRoutes>;
  }
}
