// The figures of one variant in one window: what was tested, against what, and what came of it.
import type { DriftFinding, MonitorConfig, QualityFinding, Window, WindowReport } from '../api';
import { Glyph } from '../ui/state';
import { count, fixed, percent, sentence, signed, unbroken } from '../words';

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
  if (!judged && report.outcomes === 0) return <p className="empty">No outcome has come in yet, so quality is not known.</p>;
  return (
    <div className="table-wrap">
      <table className="evidence">
        <thead>
          <tr><th>Quality</th><th className="num">value</th><th className="num">interval</th><th className="num">to compare</th><th>says</th></tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">log loss</th><td className="num" data-label="value">{fixed(p.log_loss)}</td><td className="num" data-label="interval">{range(p.log_loss_lower, p.log_loss_upper, 4)}</td>
            <td className="num" data-label="to compare"><span>{fixed(p.reference_log_loss)} <span className="quiet">when made</span><br />{fixed(p.log_loss_constant)} <span className="quiet">constant guess</span></span></td>
            <td data-label="says"><span><Verdict alarm={p.alarm} judged={judged} />{p.reason && <div className="quiet">{sentence(p.reason)}</div>}</span></td>
          </tr>
          <tr>
            <th scope="row">AUC</th><td className="num" data-label="value">{fixed(p.auc, 3)}</td><td className="num" data-label="interval">{range(p.auc_lower, p.auc_upper, 3)}</td>
            <td className="num" data-label="to compare"><span>{fixed(p.reference_auc, 3)} <span className="quiet">when made</span></span></td><td />
          </tr>
          <tr>
            <th scope="row">predicted − observed</th><td className="num" data-label="value">{signed(c.gap * 100, 1)} points</td><td className="num" data-label="interval">{c.upper - c.lower < 1 ? `${signed(c.lower * 100, 1)} to ${signed(c.upper * 100, 1)}` : 'unknown'}</td>
            <td className="num" data-label="to compare"><span>{percent(c.predicted_mean)} <span className="quiet">predicted</span><br />{percent(c.observed_mean)} <span className="quiet">observed</span></span></td>
            <td data-label="says"><span><Verdict alarm={c.alarm} judged={judged} />{config && <div className="quiet">alarm beyond {Math.round(config.min_calibration_gap * 100)} points</div>}</span></td>
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
      <td className="bar-cell" data-label="distance"><span className="bar" style={{ width: `${Math.min(100, (100 * finding.effect) / most)}%` }} data-alarm={finding.alarm || undefined} /></td>
      <td className="num" data-label="JS">{fixed(finding.effect, 3)}{finding.slice && ' sd'}</td><td className="num" data-label="PSI">{finding.slice ? '–' : fixed(finding.psi, 3)}</td><td className="num" data-label="q">{probability(finding.q)}</td>
      <td data-label="says"><Verdict alarm={finding.alarm} judged={judged} /></td>
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
      <table className="evidence drift">
        <thead>
          <tr><th>Drift</th><th>distance</th><th className="num">JS</th><th className="num">PSI</th><th className="num">q</th><th>says</th></tr>
        </thead>
        <tbody>
          {rows.map((finding) => <DriftRow key={`${finding.feature} ${finding.slice}`} finding={finding} judged={report.drift_judged} most={least * 1.25} />)}
        </tbody>
      </table>
      <p className="quiet table-note">
        An alarm needs a distance of {least} and q below {config?.alpha ?? 0.01}: of windows without drift, at most about {percent(config?.alpha ?? 0.01, 0)} alarm.
      </p>
    </div>
  );
}

const ruleWords: Record<string, string> = {
  missing: 'missing', unseen_category: 'never seen in training', non_finite: 'not a number', out_of_range: 'out of range', constant_per: 'contradicts the known value',
};

function where(finding: QualityFinding): string {
  if (!finding.slice) return finding.example ? `for example ${finding.example}` : '';
  return `${finding.slice}: ${percent(finding.slice_share, 0)} of its rows, ${percent(finding.slice_of_all, 0)} of all such rows`;
}

function DataQuality({ report }: { report: WindowReport }) {
  if (report.data_quality.length === 0) return <p className="empty">Data quality: no row broke a rule.</p>;
  return (
    <div className="table-wrap">
      <table className="evidence rules">
        <thead>
          <tr><th>Data quality</th><th>rule</th><th className="num">rows</th><th className="num">share</th><th>where</th><th>says</th></tr>
        </thead>
        <tbody>
          {report.data_quality.map((one) => (
            <tr key={`${one.feature} ${one.rule}`}>
              <th scope="row">{one.feature}</th><td data-label="rule">{ruleWords[one.rule] ?? one.rule}</td><td className="num" data-label="rows">{count(one.rows)}</td><td className="num" data-label="share">{percent(one.share, one.share < 0.001 ? 3 : 1)}</td>
              <td data-label="where">{unbroken(where(one))}</td><td data-label="says"><Verdict alarm={one.alarm} judged={report.quality_judged} /></td>
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
      {report.waiting_for && <p className="quiet table-note">Not all is judged: it needs {unbroken(report.waiting_for)}.</p>}
      <Quality report={report} config={config} />
      <Drift report={report} config={config} />
      <DataQuality report={report} />
    </article>
  );
}
