import { describe, expect, it } from 'vitest';
import { nameFilter, type Run, runOf } from '../tracking';
import { screenOf } from '../links';
import { best, curveKeys, linesOf, rowsOf, smallIsGood, smooth } from './compare';
import { parallelOption } from './draw';
import { allColumns, columnId, columnOf, figure, nextOrder, standardColumns, visibleRows } from './table';

const run = (id: string, metrics: [string, unknown][], params: [string, string][], tags: [string, string][] = []): Run =>
  runOf({
    info: { run_id: id, run_name: id, status: 'FINISHED', start_time: 1000, end_time: 61_000, experiment_id: '1' },
    data: {
      metrics: metrics.map(([key, value]) => ({ key, value })),
      params: params.map(([key, value]) => ({ key, value })),
      tags: tags.map(([key, value]) => ({ key, value })),
    },
  });

const a = run('a', [['auc', 0.9], ['loss', 0.3]], [['depth', '6'], ['kind', 'gbtree'], ['seed', '1']], [['mlflow.user', 'ada'], ['team', 'red']]);
const b = run('b', [['auc', 0.8], ['loss', 'NaN']], [['depth', '8'], ['kind', 'dart'], ['seed', '1']]);

describe('a run', () => {
  it('is read with what is left out as empty, and numbers that JSON lacks', () => {
    expect(runOf({ info: { run_id: 'x' } })).toMatchObject({ id: 'x', ended: null, metrics: {}, datasets: [], models: [] });
    expect(b.metrics.loss).toBeNaN();
  });
});

describe('columns', () => {
  it('begin with metrics and params that differ; the client’s own tags are none', () => {
    expect(standardColumns([a, b]).map(columnId)).toEqual(['metrics.auc', 'metrics.loss', 'params.depth', 'params.kind']);
    expect(allColumns([a, b]).map(columnId)).toEqual(['metrics.auc', 'metrics.loss', 'params.depth', 'params.kind', 'params.seed', 'tags.team']);
  });
  it('survive the address', () => {
    expect(columnOf('metrics.val/auc.top 5')).toEqual({ kind: 'metrics', key: 'val/auc.top 5' });
    expect(columnOf('attributes.name')).toBeNull();
  });
});

describe('an ordering', () => {
  it('goes largest first, smallest first, none', () => {
    const first = nextOrder(undefined, 'metrics.`auc`');
    expect(first).toBe('metrics.`auc` DESC');
    expect(nextOrder(first, 'metrics.`auc`')).toBe('metrics.`auc` ASC');
    expect(nextOrder('metrics.`auc` ASC', 'metrics.`auc`')).toBeUndefined();
    expect(nextOrder(first, 'metrics.`loss`')).toBe('metrics.`loss` DESC');
  });
});

describe('figures', () => {
  it('are short and keep what matters', () => {
    expect([0.123456789, 12, 1234567, 0.00001234, -0.5, Number.NaN, 1.7976931348623157e308].map(figure)).toEqual(['0.12346', '12', '1,234,567', '1.234e−5', '−0.5', 'NaN', '∞']);
  });
});

describe('rows that are seen', () => {
  it('are those of the window and some more, within the table', () => {
    expect(visibleRows(0, 360, 36, 100_000)).toEqual({ first: 0, last: 18 });
    expect(visibleRows(36_000, 360, 36, 100_000)).toEqual({ first: 992, last: 1018 });
    expect(visibleRows(3600, 360, 36, 5)).toEqual({ first: 5, last: 5 });
  });
});

describe('comparing', () => {
  it('says what differs', () => {
    expect(rowsOf([a, b], (one) => one.params).map((row) => [row.key, row.differs])).toEqual([['depth', true], ['kind', true], ['seed', false]]);
  });
  it('names the best only where the name says what is good', () => {
    expect([smallIsGood('val_loss'), smallIsGood('auc'), smallIsGood('epoch')]).toEqual([true, false, null]);
    expect(best('auc', [0.9, 0.8, undefined, Number.NaN])).toEqual([0]);
    expect(best('loss', [0.3, 0.3])).toEqual([]);
    expect(best('epoch', [1, 2])).toEqual([]);
  });
  it('smooths without a pull towards zero', () => {
    expect(smooth([4, 4, 4], 0.9).map((value) => Number(value.toFixed(12)))).toEqual([4, 4, 4]);
    expect(smooth([1, 5], 0)).toEqual([1, 5]);
    expect(smooth([0, 1], 0.5)[1]).toBeCloseTo(2 / 3);
  });
  it('draws a line a run, along steps or time since its start', () => {
    const point = (run_id: string, step: number, timestamp: number, value: number) => ({ key: 'auc', run_id, step, timestamp, value });
    const points = [point('a', 2, 5000, 0.2), point('a', 1, 3000, 0.1), point('b', 1, 9000, 0.7)];
    expect(linesOf(points, ['a', 'b'], 'step')).toEqual([{ run: 'a', points: [[1, 0.1], [2, 0.2]] }, { run: 'b', points: [[1, 0.7]] }]);
    expect(linesOf(points, ['a'], 'since')[0]?.points).toEqual([[0, 0.1], [2, 0.2]]);
  });
  it('puts the system’s own metrics last', () => {
    expect(curveKeys([run('c', [['system/cpu', 1], ['z', 1]], [])])).toEqual(['z', 'system/cpu']);
  });
});

describe('parallel coordinates', () => {
  const palette = { ink: '#000000', ink2: '#000000', ink3: '#000000', line: '#000000', panel: '#000000', paper: '#000000', accent: '#000000', ok: '#000000', watch: '#000000', bad: '#000000', heat: '#000000', versions: [] };
  it('draws runs that have every value; texts are categories', () => {
    const columns = ['params.kind', 'params.depth', 'metrics.loss'].map((id) => columnOf(id)!);
    const { option, drawn } = parallelOption([a, b], columns, columns[2]!, palette);
    expect(drawn).toBe(1); // the other's loss is NaN
    expect((option.parallelAxis as { type: string }[]).map((axis) => axis.type)).toEqual(['category', 'value', 'value']);
  });
});

describe('addresses that the mlflow client prints', () => {
  it('lead to the same thing here', () => {
    expect(screenOf('#/experiments/12/runs/ab34')).toBe('/runs/ab34');
    expect(screenOf('#/experiments/12')).toBe('/experiments/12');
    expect(screenOf('#/experiments/12/runs/ab34/artifacts?x=1')).toBe('/runs/ab34');
    expect(screenOf('#/models/churn%20a/versions/3')).toBe('/models/churn%20a');
    expect(screenOf('')).toBeNull();
  });
});

describe('finding by name', () => {
  it('cannot leave its quotes', () => {
    expect(nameFilter(" it's ")).toBe("name ILIKE '%its%'");
    expect(nameFilter('  ')).toBe('');
  });
});
