// The figures of one variant in one window: what was tested, against what, and what came of it.
import type { DriftFinding, MonitorConfig, QualityFinding, Window, WindowReport } from '../api';
import { Glyph } from '../ui/state';
import { count, fixed, percent, sentence, signed } from '../words';

function Verdict({ alarm, judged }: { alarm: boolean; judged: boolean }) {
  const state = !judged ? 'unknown' : alarm ? 'watch' : 'healthy';
  const word = !judged ? 'not judged' : alarm ? 'alarm' : 'fine';
  return (
    <span className={`state-word state-${state}`}>
      <Glyph state={state} size={13} /> {word}
    </span>
  );
}

function range(lower: number, upper: number, digits: number): string {
  return `${fixed(lower, digits)} to ${fixed(upper, digits)}`;
}

function Quality({ report, config }: { report: WindowReport; config?: MonitorConfig }) {
  const { performance: p, concept_drift: c, outcomes_judged: judged } = report;
  if (!judged) return <p className="empty">{sentence(report.waiting_for || 'not enough outcomes to judge yet')}</p>;
  return (
    <div className="table-wrap">
      <table>
        <thead>
          <tr><th>Quality</th><th className="num">value</th><th className="num">interval</th><th className="num">to compare</th><th>says</th></tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">log loss</th><td className="num">{fixed(p.log_loss)}</td><td className="num">{range(p.log_loss_lower, p.log_loss_upper, 4)}</td>
            <td className="num">{fixed(p.reference_log_loss)} <span className="quiet">when made</span><br />{fixed(p.log_loss_constant)} <span className="quiet">constant guess</span></td>
            <td><Verdict alarm={p.alarm} judged={judged} />{p.reason && <div className="quiet">{sentence(p.reason)}</div>}</td>
          </tr>
          <tr>
            <th scope="row">AUC</th><td className="num">{fixed(p.auc, 3)}</td><td className="num">{range(p.auc_lower, p.auc_upper, 3)}</td>
            <td className="num">{fixed(p.reference_auc, 3)} <span className="quiet">when made</span></td><td />
          </tr>
          <tr>
            <th scope="row">predicted − observed</th><td className="num">{signed(c.gap * 100, 1)} points</td><td className="num">{`${signed(c.lower * 100, 1)} to ${signed(c.upper * 100, 1)}`}</td>
            <td className="num">{percent(c.predicted_mean)} <span className="quiet">predicted</span><br />{percent(c.observed_mean)} <span className="quiet">observed</span></td>
            <td><Verdict alarm={c.alarm} judged={judged} />{config && <div className="quiet">alarm beyond {Math.round(config.min_calibration_gap * 100)} points</div>}</td>
          </tr>
        </tbody>
      </table>
    </div>
  );
}

function probability(value: number): string {
  if (value < 0.0001) return '< 0.0001';
  return fixed(value, value < 0.01 ? 4 : 2);
}

function DriftRow({ finding, judged, most }: { finding: DriftFinding; judged: boolean; most: number }) {
  return (
    <tr>
      <th scope="row">{finding.feature}{finding.slice && <span className="quiet"> where {finding.slice}</span>}</th>
      <td className="bar-cell"><span className="bar" style={{ width: `${Math.min(100, (100 * finding.effect) / most)}%` }} data-alarm={finding.alarm || undefined} /></td>
      <td className="num">{fixed(finding.effect, 3)}{finding.slice && ' sd'}</td><td className="num">{finding.slice ? '–' : fixed(finding.psi, 3)}</td><td className="num">{probability(finding.q)}</td>
      <td><Verdict alarm={finding.alarm} judged={judged} /></td>
    </tr>
  );
}

function Drift({ report, config }: { report: WindowReport; config?: MonitorConfig }) {
  const whole = report.drift.filter((one) => !one.slice);
  const slices = report.drift.filter((one) => one.slice && one.alarm);
  const rows = [...[...whole].sort((a, b) => b.effect - a.effect), ...slices, report.output_drift];
  const least = config?.min_drift ?? 0.1;
  return (
    <div className="table-wrap">
      <table>
        <thead>
          <tr><th>Drift</th><th>distance</th><th className="num">JS</th><th className="num">PSI</th><th className="num">q</th><th>says</th></tr>
        </thead>
        <tbody>
          {rows.map((finding) => <DriftRow key={`${finding.feature} ${finding.slice}`} finding={finding} judged={report.inputs_judged} most={least * 1.25} />)}
        </tbody>
      </table>
      <p className="quiet table-note">
        An alarm needs a distance of {least} and q below {config?.alpha ?? 0.01}: of windows without drift, about {percent(config?.alpha ?? 0.01, 0)} alarm.
      </p>
    </div>
  );
}

const ruleWords: Record<string, string> = {
  missing: 'missing', unseen_category: 'never seen in training', non_finite: 'not a number', out_of_range: 'out of range', constant_per: 'contradicts the known value',
};

function where(finding: QualityFinding): string {
  if (!finding.slice) return finding.example ? `for example ${finding.example}` : '';
  return `${percent(finding.slice_share, 0)} of rows where ${finding.slice}, ${percent(finding.slice_of_all, 0)} of all`;
}

function DataQuality({ report }: { report: WindowReport }) {
  if (report.data_quality.length === 0) return <p className="empty">Data quality: no row broke a rule.</p>;
  return (
    <div className="table-wrap">
      <table>
        <thead>
          <tr><th>Data quality</th><th>rule</th><th className="num">rows</th><th className="num">share</th><th>where</th><th>says</th></tr>
        </thead>
        <tbody>
          {report.data_quality.map((one) => (
            <tr key={`${one.feature} ${one.rule}`}>
              <th scope="row">{one.feature}</th><td>{ruleWords[one.rule] ?? one.rule}</td><td className="num">{count(one.rows)}</td><td className="num">{percent(one.share, one.share < 0.001 ? 3 : 1)}</td>
              <td>{where(one)}</td><td><Verdict alarm={one.alarm} judged={report.inputs_judged} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function WindowDetail({ window, config }: { window: Window; config?: MonitorConfig }) {
  const { report } = window;
  return (
    <article className="panel window-detail">
      <h3>
        version {window.version} <span className="quiet">{window.variant}</span>
        <span className="quiet window-rows">{count(report.rows)} predictions, {count(report.outcomes)} with outcome{report.malformed > 0 && `, ${count(report.malformed)} malformed`}</span>
      </h3>
      <Quality report={report} config={config} />
      <Drift report={report} config={config} />
      <DataQuality report={report} />
    </article>
  );
}
