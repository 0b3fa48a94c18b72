// Every alert, open ones first, newest first.
import { useState } from 'react';
import type { Alert } from '../api';
import { useAlerts } from '../data';
import { Empty, Failed, Loading } from '../ui/notes';
import { isOpen } from '../words';
import Acknowledge from './acknowledge';
import { AlertCard } from './card';

export function AlertList() {
  const { data, error, refetch } = useAlerts();
  const [asked, setAsked] = useState<Alert | null>(null);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  const newest = [...data].sort((a, b) => b.opened_event_ms - a.opened_event_ms);
  const open = newest.filter(isOpen);
  const closed = newest.filter((alert) => !isOpen(alert));
  return (
    <div className="narrow">
      <h1>Alerts</h1>
      <h2>Open</h2>
      {open.length === 0 && <Empty>None.</Empty>}
      {open.map((alert) => <AlertCard key={alert.id} alert={alert} acknowledge={() => setAsked(alert)} />)}
      <h2>Closed</h2>
      {closed.length === 0 && <Empty>None yet.</Empty>}
      {closed.map((alert) => <AlertCard key={alert.id} alert={alert} />)}
      {asked && <Acknowledge alert={asked} close={() => setAsked(null)} />}
    </div>
  );
}
