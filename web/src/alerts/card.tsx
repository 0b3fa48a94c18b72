// One alert: what was found, since when, what is done about it.
import { Link } from '@tanstack/react-router';
import type { Alert } from '../api';
import { Glyph } from '../ui/state';
import { When } from '../ui/when';
import { isOpen, kindNames, sentence } from '../words';

function Standing({ alert }: { alert: Alert }) {
  if (!isOpen(alert)) return <>closed <When ms={alert.closed_event_ms} near={alert.opened_event_ms} /></>;
  if (alert.state === 'acknowledged') return <>acknowledged by {alert.acknowledged_by}</>;
  return <>nobody has it yet</>;
}

export function AlertCard({ alert, acknowledge }: { alert: Alert; acknowledge?: () => void }) {
  const open = isOpen(alert);
  return (
    <article className={`panel alert ${open ? '' : 'alert-closed'}`}>
      <h3>
        <Glyph state={!open ? 'healthy' : alert.severity === 'critical' ? 'broken' : 'watch'} />
        <span>{kindNames[alert.kind] ?? alert.kind}</span>
        <span className="alert-subject">{alert.subject}</span>
      </h3>
      <p>{sentence(alert.message)}</p>
      {alert.doing && <p className="quiet">{sentence(alert.doing)}</p>}
      <p className="alert-foot">
        <Link to="/endpoints/$name" params={{ name: alert.endpoint }}>{alert.endpoint}</Link>
        <span>
          since <When ms={alert.opened_event_ms} />, <Standing alert={alert} />
        </span>
        {acknowledge && alert.state === 'open' && (
          <button type="button" className="link" onClick={acknowledge}>
            Acknowledge
          </button>
        )}
      </p>
    </article>
  );
}
