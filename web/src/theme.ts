// Colours, type and spacing of the components; the rest of the look is style.css.
import { createTheme, localStorageColorSchemeManager, type MantineColorsTuple } from '@mantine/core';

const pine: MantineColorsTuple = ['#edf6f3', '#dcebe6', '#b6d6cc', '#8dc0b0', '#6badA0', '#4b9483', '#2f6f62', '#275e53', '#1f4d44', '#153b34'];

export const schemeManager = localStorageColorSchemeManager({ key: 'fettle-scheme' });

export const theme = createTheme({
  primaryColor: 'pine',
  colors: { pine },
  primaryShade: 6,
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
  cursorType: 'pointer',
  autoContrast: true,
  components: {
    Modal: { defaultProps: { centered: true, closeButtonProps: { 'aria-label': 'Close' }, overlayProps: { backgroundOpacity: 0.35, blur: 2 }, transitionProps: { duration: 120 } } },
    Tooltip: { defaultProps: { openDelay: 150, withArrow: true } },
  },
});
