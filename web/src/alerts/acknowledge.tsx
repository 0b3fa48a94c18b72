// Takes an alert: on the record, it stays open until the windows say otherwise.
import { type Alert, acknowledge, curl } from '../api';
import { Confirm } from '../ui/confirm';
import { kindNames } from '../words';

export default function Acknowledge({ alert, close }: { alert: Alert; close: () => void }) {
  return (
    <Confirm
      consequence={{
        title: `Acknowledge: ${kindNames[alert.kind].toLowerCase()} of ${alert.subject}`,
        will: ['the record says that you have it', 'it stays open until the windows no longer show it', 'nothing else changes'],
        undo: '',
        button: 'Acknowledge',
        danger: false,
      }}
      asksReason={false}
      shell={(who) => `fettle alert ack ${alert.id} --actor '${who}'\n${curl(`/alerts/${alert.id}/acknowledge`, { actor: who })}`}
      act={(who) => acknowledge(alert.id, who)}
      close={close}
    />
  );
}
