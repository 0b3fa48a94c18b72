// Starts a rollout of a model version, by the project's plan.
import { NumberInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { type EndpointStatus, curl, startRollout } from '../api';
import { Confirm } from '../ui/confirm';

interface Props {
  endpoint: EndpointStatus;
  blocked: boolean;
  close: () => void;
}

export function StartRollout({ endpoint, blocked, close }: Props) {
  const champion = Math.max(...endpoint.variants.map((variant) => variant.version));
  const [version, setVersion] = useState(champion + 1);
  const navigate = useNavigate();
  return (
    <Confirm
      consequence={{
        title: `Roll out a version on ${endpoint.name}`,
        will: [
          `version ${version} of ${endpoint.model} becomes challenger and gets the first step's share of the traffic`,
          'Fettle goes on step by step while the evidence allows it, and rolls back when a guardrail is breached',
          ...(blocked ? ['the server will refuse this while another rollout runs'] : []),
        ],
        undo: 'Hold, resume or roll back at any time.',
        button: 'Start',
        danger: false,
      }}
      shell={(actor, reason) => `fettle rollout start ${endpoint.name} --version ${version} --actor '${actor}' --reason '${reason}'\n${curl('/rollouts', { endpoint: endpoint.name, version, actor, reason })}`}
      act={async (actor, reason) => {
        const rollout = await startRollout(endpoint.name, version, actor, reason);
        void navigate({ to: '/rollouts/$id', params: { id: rollout.id } });
      }}
      close={close}
    >
      <NumberInput label={`Version of ${endpoint.model}`} min={1} allowDecimal={false} value={version} onChange={(value) => setVersion(Number(value) || 1)} />
    </Confirm>
  );
}
