// A time of the traffic; the exact moment is in the title.
import { day, moment } from '../words';

export function When({ ms, near }: { ms: number; near?: number }) {
  if (!ms) return null;
  return (
    <time className="when" dateTime={new Date(ms).toISOString()} title={`${moment(ms)} UTC`}>
      {day(ms, near)}
    </time>
  );
}
