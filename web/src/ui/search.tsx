// Finds endpoints, rollouts and alerts by their words, and opens a run or a prediction by its id.
import { Modal, TextInput } from '@mantine/core';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import type { Status } from '../api';
import { useStatus } from '../data';
import { kindNames, stateNames } from '../words';

export interface Found {
  key: string;
  kind: string;
  title: string;
  note: string;
  href: string;
}

function everything(status: Status): Found[] {
  return [
    ...status.endpoints.map((one): Found => ({ key: `e ${one.name}`, kind: 'Endpoint', title: one.name, note: one.why, href: `/endpoints/${encodeURIComponent(one.name)}` })),
    ...status.rollouts.map((one): Found => ({ key: `r ${one.id}`, kind: 'Rollout', title: `version ${one.challenger.version} on ${one.endpoint}`, note: `${one.id}, ${stateNames[one.state]}`, href: `/rollouts/${encodeURIComponent(one.id)}` })),
    ...status.alerts.map((one): Found => ({ key: `a ${one.id}`, kind: 'Alert', title: `${kindNames[one.kind]}: ${one.subject}`, note: one.state, href: '/alerts' })),
  ];
}

// Every word must begin some word. What looks like an id that nothing has is offered as a prediction.
export function find(status: Status, query: string): Found[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (one: Found) => {
    const text = ` ${one.kind} ${one.title} ${one.note} ${one.key}`.toLowerCase().replaceAll(/[:,_-]/g, ' ');
    return words.every((word) => text.includes(` ${word.replaceAll(/[:,_-]/g, ' ')}`));
  };
  const found = everything(status).filter(fits).slice(0, 8);
  const id = query.trim();
  if (/^[0-9a-f]{32}$/.test(id)) found.push({ key: 'run', kind: 'Run', title: id, note: 'open by id', href: `/runs/${id}` });
  else if (/^[^\s/]{6,}$/.test(id)) found.push({ key: 'p', kind: 'Prediction', title: id, note: 'open by id', href: `/predictions/${encodeURIComponent(id)}` });
  return found;
}

export default function Search({ close }: { close: () => void }) {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const status = useStatus();
  const router = useRouter();
  const found = status.data ? find(status.data, query) : [];
  const open = (one: Found | undefined) => {
    if (!one) return;
    close();
    router.history.push(one.href);
  };
  const onKey = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((at + step + found.length) % Math.max(found.length, 1));
    } else if (event.key === 'Enter') open(found[at]);
  };
  return (
    <Modal opened onClose={close} withCloseButton={false} padding="xs" yOffset="12vh" centered={false} aria-label="Search">
      <TextInput
        data-autofocus
        className="found-field"
        size="md"
        variant="unstyled"
        px="sm"
        placeholder="An endpoint, a rollout, an alert, or the id of a run or prediction"
        aria-label="Search"
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul className="found">
        {found.map((one, index) => (
          <li key={one.key}>
            <button type="button" className={index === at ? 'found-at' : ''} onMouseEnter={() => setAt(index)} onClick={() => open(one)}>
              <span className="found-kind">{one.kind}</span>
              <span className="found-title">{one.title}</span>
              <span className="found-note">{one.note}</span>
            </button>
          </li>
        ))}
        {found.length === 0 && <li className="empty">Nothing has these words.</li>}
      </ul>
    </Modal>
  );
}
