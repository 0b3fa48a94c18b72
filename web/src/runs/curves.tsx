// The curves of some runs, with what is common to all: axis, smoothing, scale, and which metrics.
import { SegmentedControl, TextInput } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { Run } from '../tracking';
import { Failed } from '../ui/notes';
import { curveKeys, isCurve } from './compare';
import { Curve, type CurveChoice } from './curve';
import { isGoingOn, useCurves } from './data';

const atFirst = 30; // metrics that are asked for

export function Curves({ runs }: { runs: Run[] }) {
  const [choice, setChoice] = useState<CurveChoice>({ axis: 'step', weight: 0, log: false });
  const [words, setWords] = useState('');
  const [most, setMost] = useState(atFirst);
  const all = useMemo(() => curveKeys(runs), [runs]);
  const ids = useMemo(() => runs.map((run) => run.id), [runs]);
  const fitting = all.filter((key) => key.toLowerCase().includes(words.toLowerCase()));
  const { curves, error, pending } = useCurves(ids, fitting.slice(0, most), runs.some(isGoingOn));
  const drawn = curves.filter((curve) => isCurve(curve.points));
  if (drawn.length === 0 && !words && !pending && !error && fitting.length <= most) return null; // figures say it all
  return (
    <section className="curves" aria-label="Curves">
      <h2>Curves</h2>
      <div className="controls">
        <SegmentedControl size="xs" aria-label="Axis" value={choice.axis} onChange={(axis) => setChoice({ ...choice, axis: axis as CurveChoice['axis'] })} data={[{ value: 'step', label: 'Step' }, { value: 'since', label: 'Time since start' }, { value: 'time', label: 'Clock' }]} />
        <label className="check">
          Smooth <input type="range" min={0} max={0.98} step={0.02} value={choice.weight} onChange={(event) => setChoice({ ...choice, weight: Number(event.currentTarget.value) })} aria-label="Smoothing" /> <span className="quiet">{choice.weight.toFixed(2)}</span>
        </label>
        <label className="check">
          <input type="checkbox" checked={choice.log} onChange={(event) => setChoice({ ...choice, log: event.currentTarget.checked })} /> log scale
        </label>
        {all.length > atFirst && <TextInput size="xs" aria-label="Find a metric" placeholder="Find a metric" value={words} onChange={(event) => setWords(event.currentTarget.value)} />}
      </div>
      <div className="curves-list">
        {drawn.map((curve) => <Curve key={curve.key} curve={curve} runs={runs} choice={choice} />)}
      </div>
      {error && <Failed error={error} />}
      {fitting.length > most && <button type="button" className="link" onClick={() => setMost(most + 30)}>{fitting.length - most} more metrics</button>}
    </section>
  );
}
