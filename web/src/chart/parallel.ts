// Adds parallel coordinates to the parts of ECharts that are loaded.
import { ParallelChart } from 'echarts/charts';
import { ParallelComponent, VisualMapContinuousComponent } from 'echarts/components';
import { core } from './echarts';

core.use([ParallelChart, ParallelComponent, VisualMapContinuousComponent]);
