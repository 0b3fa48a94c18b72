// The page's colours as a chart needs them: read from the style sheet, so that both schemes have one source.
import { useComputedColorScheme } from '@mantine/core';
import { useMemo } from 'react';

export interface Palette {
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  panel: string;
  paper: string;
  accent: string;
  ok: string;
  watch: string;
  bad: string;
  heat: string; // the far end of the drift ramp
  versions: string[];
}

const names: (keyof Omit<Palette, 'versions'>)[] = ['ink', 'ink2', 'ink3', 'line', 'panel', 'paper', 'accent', 'ok', 'watch', 'bad', 'heat'];

export function usePalette(): Palette {
  const scheme = useComputedColorScheme('light');
  return useMemo(() => {
    void scheme; // another scheme gives other values
    const style = getComputedStyle(document.documentElement);
    const of = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const plain = Object.fromEntries(names.map((name) => [name, of(name)])) as unknown as Palette;
    return { ...plain, versions: [1, 2, 3, 4, 5].map((n) => of(`version-${n}`)) };
  }, [scheme]);
}

// "#rrggbb" with an opacity.
export function fade(color: string, opacity: number): string {
  const value = Number.parseInt(color.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${opacity})`;
}

export const fontFamily = '"Inter Variable", system-ui, sans-serif';
