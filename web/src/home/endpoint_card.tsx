// One endpoint on Home: state, who serves it, how good it is, with the way to its evidence.
import { Link } from '@tanstack/react-router';
import type { EndpointStatus, VariantShare } from '../api';
import { useWindows } from '../data';
import { StateWord } from '../ui/state';
import { When } from '../ui/when';
import { briefCount, fixed } from '../words';
import { Spark } from './spark';

// The colour of a version is the same on every screen.
const tint = (version: number) => `version-tint-${((version - 1) % 5) + 1}`;

export function Shares({ variants }: { variants: VariantShare[] }) {
  const serving = variants.filter((variant) => variant.percent > 0);
  return (
    <div className="shares">
      <div className="shares-bar" aria-hidden>
        {serving.map((variant) => (
          <span key={variant.bundle} className={tint(variant.version)} style={{ flexGrow: variant.percent }} />
        ))}
      </div>
      <ul>
        {serving.map((variant) => (
          <li key={variant.bundle}>
            <span className={`shares-dot ${tint(variant.version)}`} aria-hidden />
            version {variant.version} <span className="quiet">{variant.variant}</span> {Number(variant.percent.toFixed(2))} %
          </li>
        ))}
      </ul>
    </div>
  );
}

function Figure({ name, value, note }: { name: string; value: string; note?: React.ReactNode }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        {value} {note && <span className="figure-note">{note}</span>}
      </dd>
    </div>
  );
}

export function EndpointCard({ endpoint }: { endpoint: EndpointStatus }) {
  const windows = useWindows(endpoint.name, 'week');
  const { quality } = endpoint;
  return (
    <article className="panel endpoint-card">
      <div className="endpoint-card-words">
        <h2>
          <Link to="/endpoints/$name" params={{ name: endpoint.name }}>
            {endpoint.name}
          </Link>
          <StateWord state={endpoint.state} />
        </h2>
        <Shares variants={endpoint.variants} />
        <dl className="figures">
          <Figure name="log loss" value={quality ? fixed(quality.log_loss) : '–'} note={quality && <>{fixed(quality.log_loss_lower)} to {fixed(quality.log_loss_upper)}</>} />
          <Figure name="AUC" value={quality ? fixed(quality.auc, 3) : '–'} note={quality && <>{fixed(quality.auc_lower, 3)} to {fixed(quality.auc_upper, 3)}</>} />
          <Figure name="predictions" value={briefCount(endpoint.predictions)} />
          <Figure name="outcomes" value={briefCount(endpoint.outcomes)} />
        </dl>
        <p className="quiet figures-note">
          {quality ? <>Quality of the champion in the week from <When ms={quality.window_start_ms} />, with intervals</> : 'Quality is known once a week’s outcomes are in.'}
        </p>
      </div>
      <Spark windows={windows.data ?? []} />
    </article>
  );
}
