// The parts of ECharts that the page uses; loaded with the first screen that draws a chart.
import { CustomChart, LineChart } from 'echarts/charts';
import { DataZoomInsideComponent, DataZoomSliderComponent, GridComponent, MarkAreaComponent, TitleComponent, TooltipComponent } from 'echarts/components';
import * as core from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { CanvasRenderer } from 'echarts/renderers';

core.use([CustomChart, LineChart, GridComponent, TooltipComponent, TitleComponent, DataZoomInsideComponent, DataZoomSliderComponent, MarkAreaComponent, LabelLayout, CanvasRenderer]);

export { core };
