// One rollout: its steps, the evidence so far, the guardrails, why each decision was taken, and what one may do.
import { Button } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import * as api from '../api';
import { Chart } from '../chart/chart';
import { usePalette } from '../chart/palette';
import { useRollout } from '../data';
import { Confirm } from '../ui/confirm';
import { Copyable } from '../ui/copy';
import { Empty, Failed, Loading, NotFound } from '../ui/notes';
import { Glyph, RolloutWord } from '../ui/state';
import { When } from '../ui/when';
import { brief, consequence, count, duration, fixed, isActive, microseconds, sentence, signed } from '../words';
import { evidenceOption, guardrails, lossOf, newestArms, outcomesOf, points } from './evidence';
import { StepTrack } from './track';

const route = getRouteApi('/rollouts/$id');

function Acts({ rollout, ask }: { rollout: api.Rollout; ask: (verb: api.RolloutVerb) => void }) {
  if (!isActive(rollout)) return null;
  const verb = rollout.state === 'held' ? 'resume' : 'hold';
  return (
    <div className="head-acts">
      <Button variant="default" onClick={() => ask(verb)}>{verb === 'hold' ? 'Hold…' : 'Resume…'}</Button>
      <Button variant="default" onClick={() => ask('rollback')}>Roll back…</Button>
      <Button onClick={() => ask('promote')}>Promote…</Button>
    </div>
  );
}

function Arms({ decisions, live }: { decisions: api.Decision[]; live: api.LiveRollout | null }) {
  const { champion, challenger } = newestArms(decisions, live);
  if (!champion || !challenger) return null;
  const row = (name: string, arm: api.ArmEvidence) => (
    <tr>
      <th scope="row">{name}</th><td className="num" data-label="requests">{count(arm.requests)}</td><td className="num" data-label="outcomes">{count(outcomesOf(arm))}</td>
      <td className="num" data-label="mean loss">{fixed(lossOf(arm))}</td><td className="num" data-label="p99">{arm.latency_p99_us === undefined ? '–' : microseconds(arm.latency_p99_us)}</td>
    </tr>
  );
  return (
    <div className="table-wrap">
      <table className="evidence arms">
        <thead>
          <tr><th>{live ? 'In this step so far' : 'At the last decision'}</th><th className="num">requests</th><th className="num">outcomes</th><th className="num">mean loss</th><th className="num">p99</th></tr>
        </thead>
        <tbody>{row('champion', champion)}{row('challenger', challenger)}</tbody>
      </table>
    </div>
  );
}

function Evidence({ detail }: { detail: api.RolloutDetail }) {
  const palette = usePalette();
  const narrow = useMediaQuery('(max-width: 640px)', false, { getInitialValueInEffect: false });
  const { rollout, decisions, live } = detail;
  const all = useMemo(() => points(rollout, decisions, live), [rollout, decisions, live]);
  const drawn = useMemo(() => evidenceOption(all, palette, narrow), [all, palette, narrow]);
  const last = all.at(-1);
  return (
    <section className="panel">
      <h2>Evidence</h2>
      {live?.waiting && <p>{sentence(live.waiting)}</p>}
      {all.length === 0 && <Empty>{isActive(rollout) ? 'No outcome of the challenger has come in yet, so there is nothing to compare.' : 'No decision of this rollout recorded evidence: people decided.'}</Empty>}
      {last && (
        <>
          <Chart option={drawn.option} height={drawn.height} label={`Difference of mean loss, challenger minus champion: ${signed(last.difference)} (${signed(last.lower)} to ${signed(last.upper)})`} />
          <p className="quiet table-note">
            Difference of mean loss per prediction, challenger minus champion, with {Number(((1 - rollout.plan.alpha) * 100).toFixed(1))} % always-valid intervals: they hold
            however often one looks. <span className="key-margin">dashes</span>: how much worse the step allows the upper bound to be.
          </p>
        </>
      )}
      <Arms decisions={decisions} live={live} />
    </section>
  );
}

function Guardrails({ detail }: { detail: api.RolloutDetail }) {
  const lines = guardrails(detail.rollout, newestArms(detail.decisions, detail.live));
  const health = { kept: 'healthy', breached: 'broken', unknown: 'unknown' } as const;
  return (
    <section className="panel">
      <h2>Guardrails</h2>
      <ul className="rails">
        {lines.map((line) => (
          <li key={line.name}>
            <Glyph state={health[line.state]} />
            <span className="rails-name">{line.name}</span>
            <span className="rails-seen">{line.seen}</span>
            <span className="quiet">{line.limit}</span>
          </li>
        ))}
      </ul>
      <p className="quiet table-note">A breach rolls back at once, whatever else was found{detail.rollout.plan.max_step_ms > 0 && `; so does a step without a verdict after ${duration(detail.rollout.plan.max_step_ms)} of traffic`}.</p>
    </section>
  );
}

const actionWords: Record<string, string> = { started: 'Started', advance: 'Next step', promote: 'Promoted', rollback: 'Rolled back', hold: 'Held', resume: 'Resumed' };

function Decisions({ decisions, rollout }: { decisions: api.Decision[]; rollout: api.Rollout }) {
  return (
    <section className="panel">
      <h2>Decisions</h2>
      {decisions.length === 0 && <Empty>None yet.</Empty>}
      <ol className="decisions">
        {[...decisions].reverse().map((one) => (
          <li key={`${one.time_ms} ${one.action}`} className={`decision decision-${one.action}`}>
            <div className="decision-head">
              <strong>{actionWords[one.action] ?? one.action}</strong>
              <span className="quiet">
                by {one.actor || 'fettle'}, <When ms={one.event_ms || one.time_ms} />, step {one.step + 1} ({rollout.plan.steps[one.step]?.percent ?? 100} %)
              </span>
            </div>
            <p>{sentence(one.reason)}</p>
            {one.upper > one.lower && (
              <p className="quiet">
                difference {signed(one.difference)} ({signed(one.lower)} to {signed(one.upper)}), {count(outcomesOf(one.evidence?.challenger))} against {count(outcomesOf(one.evidence?.champion))} outcomes
              </p>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}

export function RolloutScreen() {
  const { id } = route.useParams();
  const { data, error, refetch } = useRollout(id);
  const [asked, setAsked] = useState<api.RolloutVerb | null>(null);
  if (!data) {
    if (error instanceof api.ApiError && error.status === 404) return <NotFound what="rollout" name={id} />;
    return error ? <Failed error={error} again={() => void refetch()} /> : <Loading />;
  }
  const { rollout } = data;
  return (
    <div className="rollout">
      <header className="head">
        <div>
          <p className="crumb"><Link to="/endpoints/$name" params={{ name: rollout.endpoint }}>{rollout.endpoint}</Link></p>
          <h1>
            Version {rollout.challenger.version} against version {rollout.champion.version} <RolloutWord state={rollout.state} />
          </h1>
          <p className="head-why">{sentence(rollout.reason)}</p>
        </div>
        <Acts rollout={rollout} ask={setAsked} />
      </header>
      <StepTrack rollout={rollout} live={data.live} />
      <div className="rollout-columns">
        <div>
          <Evidence detail={data} />
          <Guardrails detail={data} />
        </div>
        <Decisions decisions={data.decisions} rollout={rollout} />
      </div>
      <p className="ids">
        <span>rollout <Copyable text={rollout.id} /></span>
        <span>champion <Copyable text={rollout.champion.bundle} shown={brief(rollout.champion.bundle)} label="the champion's bundle" /></span>
        <span>challenger <Copyable text={rollout.challenger.bundle} shown={brief(rollout.challenger.bundle)} label="the challenger's bundle" /></span>
        <span>started by {rollout.created_by}</span>
      </p>
      {asked && (
        <Confirm
          consequence={consequence(asked, rollout)}
          shell={(actor, reason) => `fettle rollout ${asked} ${rollout.id} --actor '${actor}' --reason '${reason}'\n${api.curl(`/rollouts/${rollout.id}/${asked}`, { actor, reason })}`}
          act={(actor, reason) => api.command(rollout.id, asked, actor, reason)}
          close={() => setAsked(null)}
        />
      )}
    </div>
  );
}
