// An ECharts canvas as a component: follows its option and its width, reports clicks and zooms as times.
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { useEffect, useRef, useState } from 'react';
import { core } from './echarts';
import { fontFamily } from './palette';

interface Props {
  option: EChartsCoreOption;
  height: number;
  label: string; // what the picture says, for those who do not see it
  onPick?: (time: number) => void;
  onZoom?: (from: number, to: number) => void;
}

interface Zoomed {
  startValue?: number;
  endValue?: number;
}

export function Chart({ option, height, label, onPick, onZoom }: Props) {
  const [ready, setReady] = useState(false);
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const handlers = useRef({ onPick, onZoom });
  handlers.current = { onPick, onZoom };

  // A canvas keeps the letters that it was drawn with: the font comes first.
  useEffect(() => {
    void document.fonts.load(`12px ${fontFamily}`).catch(() => []).then(() => setReady(true));
  }, []);

  useEffect(() => {
    if (!ready) return;
    const made = core.init(holder.current!, undefined, { renderer: 'canvas' });
    chart.current = made;
    made.getZr().on('click', (event: { offsetX: number; offsetY: number }) => {
      const time = made.convertFromPixel({ xAxisIndex: 0 }, event.offsetX) as unknown as number;
      if (Number.isFinite(time)) handlers.current.onPick?.(time);
    });
    let timer: number | undefined;
    made.on('datazoom', () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        const zoom = (made.getOption().dataZoom as Zoomed[] | undefined)?.[0];
        if (zoom?.startValue !== undefined && zoom.endValue !== undefined) handlers.current.onZoom?.(zoom.startValue, zoom.endValue);
      }, 250);
    });
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(holder.current!);
    return () => {
      window.clearTimeout(timer);
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, [ready]);

  useEffect(() => {
    chart.current?.setOption(option, { notMerge: true });
  }, [option, ready]);
  useEffect(() => chart.current?.resize(), [height]);

  return <div ref={holder} className="chart" style={{ height }} role="img" aria-label={label} />;
}
