// Starts the page: theme, cache of the server's answers, routes.
import './mantine.css';
import './style.css';
import { MantineProvider } from '@mantine/core';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api';
import { createRoutes } from './routes';
import { notice, useSignedOut } from './session';
import { schemeManager, theme } from './theme';
import { screenOf } from './links';

const SignIn = lazy(() => import('./ui/signin'));

const client = new QueryClient({
  queryCache: new QueryCache({ onError: notice }),
  mutationCache: new MutationCache({ onError: notice }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

const router = createRoutes();

function Page() {
  const signedOut = useSignedOut();
  return <Suspense>{signedOut ? <SignIn /> : <RouterProvider router={router} />}</Suspense>;
}

const screen = screenOf(location.hash);
if (screen) history.replaceState(null, '', screen);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <MantineProvider theme={theme} colorSchemeManager={schemeManager} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Page />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
