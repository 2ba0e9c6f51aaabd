import { Button } from '@patternfly/react-core';
import { MoonIcon, SunIcon } from '@patternfly/react-icons';
import { useEffect, useState } from 'react';

const KEY = 'scc-theme';
const DARK = 'pf-v6-theme-dark';
const prefersDark = (): boolean => window.matchMedia('(prefers-color-scheme: dark)').matches;
const stored = (): boolean => {
  const kept = window.localStorage.getItem(KEY);
  return kept === null ? prefersDark() : kept === 'dark';
};

/** Light or dark: as the system has it, until the user chooses. */
export function ThemeButton() {
  const [isDark, setDark] = useState(stored);
  useEffect(() => {
    document.documentElement.classList.toggle(DARK, isDark);
  }, [isDark]);
  const toggle = (): void => {
    window.localStorage.setItem(KEY, isDark ? 'light' : 'dark');
    setDark(!isDark);
  };
  return (
    <Button
      variant="plain"
      aria-label={isDark ? 'Use light colours' : 'Use dark colours'}
      icon={isDark ? <SunIcon /> : <MoonIcon />}
      onClick={toggle}
    />
  );
}
