// The keyboard: `/` searches, `?` helps, `g` and then a letter goes. Nothing while someone types.
import { useEffect } from 'react';

export const places: Record<string, string> = { h: 'home', e: 'endpoint', r: 'rollouts', a: 'alerts', x: 'experiments', m: 'models' };

const togetherMs = 1_200;

export interface KeyState {
  leader: number | null; // when `g` was pressed
}

export type KeyAction = { kind: 'search' } | { kind: 'help' } | { kind: 'go'; place: string } | null;

// Pure: the state after a key, and what it asks for.
export function press(state: KeyState, key: string, now: number): [KeyState, KeyAction] {
  const led = state.leader !== null && now - state.leader <= togetherMs;
  if (led && places[key]) return [{ leader: null }, { kind: 'go', place: places[key] }];
  if (key === 'g') return [{ leader: now }, null];
  if (key === '/') return [{ leader: null }, { kind: 'search' }];
  if (key === '?') return [{ leader: null }, { kind: 'help' }];
  return [{ leader: null }, null];
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export interface KeyHandlers {
  go: (place: string) => void;
  search: () => void;
  help: () => void;
}

export function useKeys({ go, search, help }: KeyHandlers): void {
  useEffect(() => {
    let state: KeyState = { leader: null };
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const [next, action] = press(state, event.key, event.timeStamp);
      state = next;
      if (!action) return;
      event.preventDefault();
      if (action.kind === 'go') go(action.place);
      else if (action.kind === 'search') search();
      else help();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  });
}
